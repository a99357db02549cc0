package lint

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// podTemplate is a pod template, as far as it is read.
type podTemplate struct {
	Metadata metadata       `json:"metadata"`
	Spec     corev1.PodSpec `json:"spec"`
}

// workloadBody holds the templates of all kinds that have one.
type workloadBody struct {
	Spec struct {
		Template    podTemplate // Deployment, StatefulSet, DaemonSet, ReplicaSet, Job
		JobTemplate struct {    // CronJob
			Spec struct{ Template podTemplate }
		}
	}
}

// workload reads an object that makes pods; nil for one that another such object made.
func (d *decoder) workload() object {
	head, m, ok := d.metaOf()
	if !ok || d.made(head.controller()) {
		return nil
	}
	var body workloadBody
	if err := json.Unmarshal(d.body, &body); err != nil {
		d.invalid(m, "", err)
		return nil
	}
	t, path := &body.Spec.Template, "spec.template"
	if d.api.kind == KindCronJob {
		t, path = &body.Spec.JobTemplate.Spec.Template, "spec.jobTemplate.spec.template"
	}
	return newWorkload(m, t.Metadata.Labels, t.Metadata.Annotations, slim(&t.Spec), path)
}

// made says that the owner is read itself: a Job of a CronJob, a ReplicaSet of a Deployment.
func (d *decoder) made(by owner) bool {
	return d.api.kind == KindJob && by.Kind == KindCronJob || d.api.kind == KindReplicaSet && by.Kind == KindDeployment
}

func newWorkload(m Meta, labels, annotations map[string]string, spec *corev1.PodSpec, path string) *Workload {
	return &Workload{
		Meta: m, PodLabels: labels, PodAnnotations: annotations, Pod: spec, PodPath: path,
		ServiceAccount: accountOf(spec), Proxy: proxyOf(spec),
	}
}

// accountOf names the service account of pods; Kubernetes fills in "default".
func accountOf(spec *corev1.PodSpec) string {
	switch {
	case spec.ServiceAccountName != "":
		return spec.ServiceAccountName
	case spec.DeprecatedServiceAccount != "":
		return spec.DeprecatedServiceAccount
	}
	return "default"
}

// proxyOf finds the proxy among the containers, or the init containers if it is a native sidecar (Kubernetes 1.29, KEP-753).
func proxyOf(spec *corev1.PodSpec) *corev1.Container {
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			if list[i].Name == proxyName {
				return &list[i]
			}
		}
	}
	return nil
}

// slim drops what no check reads and what may hold secrets.
func slim(spec *corev1.PodSpec) *corev1.PodSpec {
	spec.Volumes, spec.Affinity, spec.Tolerations, spec.TopologySpreadConstraints = nil, nil, nil, nil
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			c := &list[i]
			c.Env, c.EnvFrom, c.VolumeMounts, c.VolumeDevices = nil, nil, nil, nil
			c.Resources = corev1.ResourceRequirements{}
		}
	}
	return spec
}

// podBody is a pod, as far as it is read.
type podBody struct {
	Metadata metadata
	Spec     corev1.PodSpec
	Status   struct {
		Phase corev1.PodPhase
		PodIP string
	}
}

// pod reads a pod. There are more of them than of anything else: the text is read once, and once more only to say what is wrong with it.
func (d *decoder) pod() object {
	var body podBody
	if err := json.Unmarshal(d.body, &body); err != nil {
		if _, m, ok := d.metaOf(); ok {
			d.invalid(m, "", err)
		}
		return nil
	}
	m, ok := d.named(&body.Metadata)
	if !ok {
		return nil
	}
	spec := slim(&body.Spec)
	return &Pod{
		Meta: m, Spec: spec, IP: body.Status.PodIP, Phase: body.Status.Phase,
		Owner: ownerOf(body.Metadata.controller(), m), Proxy: proxyOf(spec),
	}
}

// templateHash is the label by which a Deployment tells its ReplicaSets apart; their names end in it.
const templateHash = "pod-template-hash"

// ownerOf names what manages a pod. A ReplicaSet of a Deployment stands for that Deployment, as in Istio's own naming of workloads.
func ownerOf(o owner, pod Meta) Ref {
	ref := Ref{Kind: o.Kind, APIVersion: o.APIVersion, Namespace: pod.Namespace, Name: o.Name}
	if o.Kind == "" {
		return Ref{}
	}
	if hash := pod.Labels[templateHash]; o.Kind == KindReplicaSet && hash != "" {
		if name, cut := strings.CutSuffix(o.Name, "-"+hash); cut {
			ref.Kind, ref.Name = KindDeployment, name
		}
	}
	return ref
}
