package lint

import corev1 "k8s.io/api/core/v1"

// Membership says how a workload takes part in the mesh.
type Membership string

// The memberships.
const (
	Outside   Membership = "outside" // its traffic meets no proxy of the mesh
	InSidecar Membership = "sidecar"
	InAmbient Membership = "ambient"
	IsGateway Membership = "gateway" // a proxy of the mesh itself: an ingress, an egress, a waypoint
	Unclear   Membership = "unclear" // what would tell was not read: the namespace's labels, as a rule
)

// Workload is a pod template (of a Deployment, StatefulSet, DaemonSet, Job or CronJob), or a pod that nothing owns.
type Workload struct {
	Meta // of the object that owns the template; Labels and Annotations are that object's, not the pods'

	PodLabels      map[string]string
	PodAnnotations map[string]string
	// Pod is the specification of the pods; environment variables and volumes are dropped as they may hold secrets.
	Pod *corev1.PodSpec
	// PodPath is where the template is in the object: spec.template for a Deployment, "" for a pod. Fields of findings begin with it:
	// [Workload.Field].
	PodPath string
	// ServiceAccount is the pods' ("default" if none is named).
	ServiceAccount string
	// Pods are the live pods of the workload; a pod that nothing owns is its own.
	Pods []*Pod

	// Membership is what the workload is: what its live pods show, or else Expected.
	Membership Membership
	// Expected is what pods that start now would be, by the labels as they are. It differs from Membership if the labels were
	// changed and the pods not restarted.
	Expected Membership
	// Why says by what the membership was decided: a label, an annotation, the injected container, a default.
	Why string
	// Revision is the istio.io/rev that injects it; empty for the default.
	Revision string
	// Proxy is the istio-proxy container if the template or a live pod has one.
	Proxy *corev1.Container
}

// Pod is one live pod.
type Pod struct {
	Meta
	Spec  *corev1.PodSpec
	IP    string
	Phase corev1.PodPhase
	Owner Ref // the controller: a ReplicaSet, StatefulSet, Job...; zero if none
	// Proxy is the pod's istio-proxy container, also as an init container that is restarted (native sidecar); nil without one.
	Proxy *corev1.Container
}

// Field spells the path of a field of the pod template from the top of the object: "spec.containers[0].image" gives
// "spec.template.spec.containers[0].image" for a Deployment.
func (w *Workload) Field(path string) string {
	if w.PodPath == "" {
		return path
	}
	return w.PodPath + "." + path
}
