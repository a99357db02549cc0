package policies

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// pod has an application and, if an image is given, a proxy.
func pod(image string) *unstructured.Unstructured {
	p := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:latest"}}},
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p)
	if err != nil {
		panic(err) // of a constant
	}
	u := &unstructured.Unstructured{Object: object}
	if image != "" {
		container(u, "containers", "istio-proxy", image)
	}
	return u
}

// container adds one to a list of a pod.
func container(pod *unstructured.Unstructured, list, name, image string) *unstructured.Unstructured {
	spec := pod.Object["spec"].(map[string]any)
	containers, _ := spec[list].([]any)
	spec[list] = append(containers, map[string]any{"name": name, "image": image})
	return pod
}

// peer is a PeerAuthentication with the lines of a spec.
func peer(namespace string, spec ...string) *unstructured.Unstructured {
	return object("security.istio.io/v1", "PeerAuthentication", namespace, spec)
}

// rule is a DestinationRule with the lines of a spec.
func rule(namespace, host string, spec ...string) *unstructured.Unstructured {
	return object("networking.istio.io/v1", "DestinationRule", namespace, append(spec, fmt.Sprintf("host: %q", host)))
}

func object(version, kind, namespace string, spec []string) *unstructured.Unstructured {
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(strings.Join(spec, "\n")), &fields); err != nil {
		panic(err) // of a constant
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": fields}}
	if fields == nil {
		o.Object = map[string]any{}
	}
	o.SetAPIVersion(version)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	return o
}

// older is the object in another version of its group.
func older(o *unstructured.Unstructured, version string) *unstructured.Unstructured {
	o.SetAPIVersion(o.GroupVersionKind().Group + "/" + version)
	return o
}

func named(o *unstructured.Unstructured, name string) *unstructured.Unstructured {
	o.SetName(name)
	return o
}
