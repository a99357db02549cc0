package lint

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// adopt gives every pod to its workload, makes workloads of those that have none, and decides who is in the mesh.
func (w *World) adopt() {
	owners := map[key]*Workload{}
	for _, o := range w.Workloads {
		owners[o.key()] = o
	}
	for _, p := range w.Pods {
		if over(p) {
			continue
		}
		of := p.Owner.key()
		if p.Owner == (Ref{}) {
			of = p.key()
		}
		o := owners[of]
		if o == nil {
			o = orphan(p)
			owners[of] = o
			w.Workloads = append(w.Workloads, o)
			w.index.metas[of] = &o.Meta
		}
		o.Pods = append(o.Pods, p)
	}
	slices.SortFunc(w.Workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byAge(&a.Meta, &b.Meta), cmp.Compare(a.Kind, b.Kind))
	})
	for _, o := range w.Workloads {
		w.join(o)
	}
}

// over says that a pod has run to its end: it has no connections any more.
func over(p *Pod) bool { return p.Phase == corev1.PodSucceeded || p.Phase == corev1.PodFailed }

// orphan makes a workload of a pod that nothing owns, or whose owner is of a kind that is not read (an Argo Rollout, say). The
// first pod stands for all of them.
func orphan(p *Pod) *Workload {
	m := p.Meta
	if p.Owner != (Ref{}) {
		m.Ref = p.Owner
		m.Source, m.Line, m.Annotations = p.Source, p.Line, nil
	}
	return newWorkload(m, p.Labels, p.Annotations, p.Spec, "")
}
