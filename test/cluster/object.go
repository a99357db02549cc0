package cluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Apply creates the objects in a file of YAML, of whatever kind, in the namespace that they name or else in default. It returns
// when their custom resource definitions are established.
func (c *Cluster) Apply(t testing.TB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	objects, err := Objects(text)
	must(t, err)
	for _, o := range objects {
		if _, err := c.Create(t.Context(), o); err != nil {
			t.Fatalf("%s: %s %s: %v", path, o.GetKind(), o.GetName(), err)
		}
	}
	for _, o := range objects {
		if o.GetKind() == "CustomResourceDefinition" {
			must(t, c.waitEstablished(t.Context(), o.GetName()))
		}
	}
}

// Create creates an object of any kind that the API server knows, as Admin. A field that its kind does not have is an error.
func (c *Cluster) Create(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := c.resource(o)
	if err != nil {
		return nil, err
	}
	return resource.Create(ctx, o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
}

// Update replaces an object of any kind with the state given, whatever its version is now.
func (c *Cluster) Update(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := c.resource(o)
	if err != nil {
		return nil, err
	}
	now, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	o = o.DeepCopy()
	o.SetResourceVersion(now.GetResourceVersion())
	return resource.Update(ctx, o, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
}

// resource asks the API server what the kind of an object is called in a path, and whether it has a namespace.
func (c *Cluster) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	kind := o.GroupVersionKind()
	known, err := c.Client.Discovery().ServerResourcesForGroupVersion(kind.GroupVersion().String())
	if err != nil {
		return nil, err
	}
	for _, r := range known.APIResources {
		if r.Kind != kind.Kind || strings.Contains(r.Name, "/") {
			continue
		}
		all := client.Resource(kind.GroupVersion().WithResource(r.Name))
		if !r.Namespaced {
			return all, nil
		}
		return all.Namespace(cmp.Or(o.GetNamespace(), "default")), nil
	}
	return nil, fmt.Errorf("the API server does not know the kind %s", kind)
}

// waitEstablished waits until objects of a kind can be created.
func (c *Cluster) waitEstablished(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	crd := new(unstructured.Unstructured)
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crds, err := c.resource(crd)
	for err == nil {
		if crd, err = crds.Get(ctx, name, metav1.GetOptions{}); err == nil && established(crd) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not established: %w", name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions") // absent at first
	for _, condition := range conditions {
		if c, ok := condition.(map[string]any); ok && c["type"] == "Established" {
			return c["status"] == "True"
		}
	}
	return false
}

// Objects reads the documents of a YAML stream; empty ones are left out.
func Objects(text []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var all []*unstructured.Unstructured
	for {
		o := new(unstructured.Unstructured)
		err := decoder.Decode(o)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}
