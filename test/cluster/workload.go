package cluster

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// Kind is what owns pods.
type Kind string

// Kinds of workloads.
const (
	Deployment  Kind = "Deployment" // its ReplicaSet owns the pods
	ReplicaSet  Kind = "ReplicaSet" // one that nothing owns
	StatefulSet Kind = "StatefulSet"
	DaemonSet   Kind = "DaemonSet"
	Job         Kind = "Job"
	CronJob     Kind = "CronJob" // its Job owns the pods
	Rollout     Kind = "Rollout" // of Argo, which is not installed here; its ReplicaSet is real
	Static      Kind = "Static"  // a mirror pod: owned by its node, which read the manifest from a file
	Bare        Kind = "Bare"    // nothing owns it
)

// Workload is an object of a kind and its pods.
type Workload struct {
	Kind            Kind
	Namespace, Name string
	Pods            []Pod // one by default
}

// Workload creates the objects that own the pods and the pods, with the names, labels and owner references that the controllers
// of Kubernetes give them.
func (c *Cluster) Workload(t testing.TB, w Workload) []*corev1.Pod {
	t.Helper()
	return c.Workloads(t, w)
}

// create makes the owners and returns the pods that are still to be made.
func (c *Cluster) create(ctx context.Context, w Workload) ([]Pod, error) {
	w.Namespace = cmp.Or(w.Namespace, "default")
	labels := map[string]string{"app": w.Name}
	owners, names, err := c.own(ctx, w, labels)
	if err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", w.Kind, w.Namespace, w.Name, err)
	}
	if len(w.Pods) == 0 {
		w.Pods = []Pod{{}}
	}
	pods := make([]Pod, len(w.Pods))
	for i, p := range w.Pods {
		p.Namespace, p.Node = w.Namespace, cmp.Or(p.Node, "node-1")
		p.Labels = with(labels, p.Labels)
		p.Owners = append(p.Owners, owners...)
		p.Name = cmp.Or(p.Name, names(i, p.Node))
		if w.Kind == Static {
			p.Annotations = with(p.Annotations, mirrorAnnotations(p.Name))
			p.Owners = []metav1.OwnerReference{owner("v1", "Node", p.Node, "")}
		}
		if w.Kind == StatefulSet {
			p.Labels[appsv1.StatefulSetPodNameLabel] = p.Name
		}
		pods[i] = p
	}
	return pods, nil
}

// own creates what owns the pods of a workload. It adds to their labels, and tells the name of the i-th pod.
func (c *Cluster) own(ctx context.Context, w Workload, labels map[string]string) (_ []metav1.OwnerReference, name func(i int, node string) string, err error) {
	named := func(base string) func(int, string) string {
		return func(i int, _ string) string { return base + "-" + hash(base, i)[:5] }
	}
	var ref metav1.OwnerReference
	switch w.Kind {
	case Bare:
		return nil, func(i int, _ string) string { return suffixed(w.Name, i) }, nil
	case Static:
		return nil, func(_ int, node string) string { return w.Name + "-" + node }, nil
	case Deployment, ReplicaSet, Rollout:
		ref, err = c.replicaSet(ctx, w, labels)
	case StatefulSet:
		ref, err = c.statefulSet(ctx, w, labels)
		name = func(i int, _ string) string { return fmt.Sprintf("%s-%d", w.Name, i) }
	case DaemonSet:
		ref, err = c.daemonSet(ctx, w, labels)
	case Job, CronJob:
		ref, err = c.job(ctx, w, labels)
	default:
		err = fmt.Errorf("no such kind of workload: %q", w.Kind)
	}
	if name == nil {
		name = named(ref.Name)
	}
	return []metav1.OwnerReference{ref}, name, err
}

// replicaSet creates a ReplicaSet, with the Deployment or the Rollout that owns it if there is one.
func (c *Cluster) replicaSet(ctx context.Context, w Workload, labels map[string]string) (metav1.OwnerReference, error) {
	rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: w.Namespace}}
	switch w.Kind {
	case Deployment:
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: w.Namespace, Labels: maps.Clone(labels)}}
		d.Spec.Selector, d.Spec.Template = selector(labels), template(labels)
		d, err := c.Client.AppsV1().Deployments(w.Namespace).Create(ctx, d, metav1.CreateOptions{})
		if err != nil {
			return metav1.OwnerReference{}, err
		}
		labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash(w.Name, 0)
		rs.OwnerReferences = []metav1.OwnerReference{owner("apps/v1", "Deployment", d.Name, d.UID)}
	case Rollout:
		labels["rollouts-pod-template-hash"] = hash(w.Name, 0)
		rs.OwnerReferences = []metav1.OwnerReference{owner("argoproj.io/v1alpha1", "Rollout", w.Name, uuid.NewUUID())}
	}
	if len(rs.OwnerReferences) > 0 {
		rs.Name += "-" + hash(w.Name, 0)
	}
	rs.Labels, rs.Spec.Selector, rs.Spec.Template = maps.Clone(labels), selector(labels), template(labels)
	rs, err := c.Client.AppsV1().ReplicaSets(w.Namespace).Create(ctx, rs, metav1.CreateOptions{})
	if err != nil {
		return metav1.OwnerReference{}, err
	}
	return owner("apps/v1", "ReplicaSet", rs.Name, rs.UID), nil
}

func (c *Cluster) statefulSet(ctx context.Context, w Workload, labels map[string]string) (metav1.OwnerReference, error) {
	s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: w.Namespace, Labels: maps.Clone(labels)}}
	s.Spec.Selector, s.Spec.Template, s.Spec.ServiceName = selector(labels), template(labels), w.Name
	labels[appsv1.StatefulSetRevisionLabel] = w.Name + "-" + hash(w.Name, 0)
	s, err := c.Client.AppsV1().StatefulSets(w.Namespace).Create(ctx, s, metav1.CreateOptions{})
	if err != nil {
		return metav1.OwnerReference{}, err
	}
	return owner("apps/v1", "StatefulSet", s.Name, s.UID), nil
}

func (c *Cluster) daemonSet(ctx context.Context, w Workload, labels map[string]string) (metav1.OwnerReference, error) {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: w.Namespace, Labels: maps.Clone(labels)}}
	d.Spec.Selector, d.Spec.Template = selector(labels), template(labels)
	labels[appsv1.ControllerRevisionHashLabelKey] = hash(w.Name, 0)
	d, err := c.Client.AppsV1().DaemonSets(w.Namespace).Create(ctx, d, metav1.CreateOptions{})
	if err != nil {
		return metav1.OwnerReference{}, err
	}
	return owner("apps/v1", "DaemonSet", d.Name, d.UID), nil
}

// job creates a Job, with the CronJob that owns it if there is one: that Job is named after the minute it is due.
func (c *Cluster) job(ctx context.Context, w Workload, labels map[string]string) (metav1.OwnerReference, error) {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: w.Namespace, Labels: maps.Clone(labels)}}
	j.Spec.Template = template(labels)
	j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	if w.Kind == CronJob {
		cron := &batchv1.CronJob{ObjectMeta: j.ObjectMeta}
		cron.Spec.Schedule, cron.Spec.JobTemplate.Spec = "*/5 * * * *", j.Spec
		cron, err := c.Client.BatchV1().CronJobs(w.Namespace).Create(ctx, cron, metav1.CreateOptions{})
		if err != nil {
			return metav1.OwnerReference{}, err
		}
		j.Name += "-29846715" // minutes since 1970
		j.OwnerReferences = []metav1.OwnerReference{owner("batch/v1", "CronJob", cron.Name, cron.UID)}
	}
	j, err := c.Client.BatchV1().Jobs(w.Namespace).Create(ctx, j, metav1.CreateOptions{})
	if err != nil {
		return metav1.OwnerReference{}, err
	}
	maps.Copy(labels, j.Spec.Template.Labels) // the API server adds the name and the UID of the job
	return owner("batch/v1", "Job", j.Name, j.UID), nil
}

// owner is the reference to a controller, as the controllers write it.
func owner(apiVersion, kind, name string, uid types.UID) metav1.OwnerReference {
	yes := true
	if uid == "" {
		uid = types.UID(name) // kubelet writes the node's name when it does not know the UID
	}
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid, Controller: &yes, BlockOwnerDeletion: &yes}
}

// mirrorAnnotations mark the copy in the API of a pod that kubelet read from a file (kubernetes/pkg/kubelet/types).
func mirrorAnnotations(name string) map[string]string {
	h := hash(name, 0)
	return map[string]string{
		corev1.MirrorPodAnnotationKey: h,
		"kubernetes.io/config.hash":   h,
		"kubernetes.io/config.source": "file",
		"kubernetes.io/config.seen":   "2026-01-01T00:00:00Z",
	}
}

func selector(labels map[string]string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: maps.Clone(labels)}
}

func template(labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{Container{}.spec()}},
	}
}

// with returns a copy of a that b was added to.
func with(a, b map[string]string) map[string]string {
	sum := maps.Clone(a)
	if sum == nil {
		sum = map[string]string{}
	}
	maps.Copy(sum, b)
	return sum
}

// hash makes up what controllers append to names: ten characters of the alphabet they use (k8s.io/apimachinery/pkg/util/rand).
func hash(name string, i int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, name, "/", i) // a hash does not fail
	n, b := h.Sum64(), make([]byte, 10)
	for k := range b {
		b[k] = alphabet[n%uint64(len(alphabet))]
		n /= uint64(len(alphabet))
	}
	return string(b)
}

func suffixed(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i)
}
