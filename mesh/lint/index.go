package lint

import (
	"slices"
	"sort"
	"strings"
)

// index finds objects without walking all of them.
type index struct {
	metas     map[key]*Meta
	objects   map[key]object
	byLabel   map[label][]*Workload
	services  map[*Workload][]*Service
	exact     map[string][]*ServiceEntry // by host
	wildcards []*ServiceEntry            // with at least one wildcard host
}

// label is one label of the pods of a namespace.
type label struct{ namespace, key, value string }

func newIndex(w *World, objects map[key]object) index {
	x := index{
		metas: make(map[key]*Meta, len(objects)), objects: objects, byLabel: map[label][]*Workload{},
		services: map[*Workload][]*Service{}, exact: map[string][]*ServiceEntry{},
	}
	for k, o := range objects {
		x.metas[k] = o.meta()
	}
	for _, e := range w.ServiceEntries {
		x.entry(e)
	}
	return x
}

func (x *index) entry(e *ServiceEntry) {
	wild := false
	for _, host := range e.Spec.GetHosts() {
		x.exact[host] = append(x.exact[host], e)
		wild = wild || strings.HasPrefix(host, "*")
	}
	if wild {
		x.wildcards = append(x.wildcards, e)
	}
}

// workloads indexes the workloads by their labels, then finds out which services select which.
func (x *index) workloads(w *World) {
	for _, o := range w.Workloads {
		for k, v := range o.PodLabels {
			l := label{o.Namespace, k, v}
			x.byLabel[l] = append(x.byLabel[l], o)
		}
	}
	for _, s := range w.Services {
		for _, o := range w.WorkloadsOf(s) {
			x.services[o] = append(x.services[o], s)
		}
	}
}

// In returns the objects of one namespace, in their order. It searches the sorted slices of a [World]; it does not walk them.
func In[O interface{ namespace() string }](objects []O, namespace string) []O {
	start := sort.Search(len(objects), func(i int) bool { return objects[i].namespace() >= namespace })
	end := start + sort.Search(len(objects)-start, func(i int) bool { return objects[start+i].namespace() > namespace })
	return objects[start:end:end]
}

func (m *Meta) namespace() string { return m.Namespace }

// lookup returns an object by kind and name; the zero value if it was not read.
func lookup[O object](w *World, kind Kind, namespace, name string) O {
	found, _ := w.index.objects[key{kind, namespace, name}].(O)
	return found
}

// Namespace returns a namespace by name; nil if it was not read.
func (w *World) Namespace(name string) *Namespace {
	return lookup[*Namespace](w, KindNamespace, "", name)
}

// Service returns a service; nil if it was not read.
func (w *World) Service(namespace, name string) *Service {
	return lookup[*Service](w, KindService, namespace, name)
}

// ServiceAccount returns a service account; nil if it was not read.
func (w *World) ServiceAccount(namespace, name string) *ServiceAccount {
	return lookup[*ServiceAccount](w, KindServiceAccount, namespace, name)
}

// Secret returns a secret; nil if it was not read.
func (w *World) Secret(namespace, name string) *Secret {
	return lookup[*Secret](w, KindSecret, namespace, name)
}

// ConfigMap returns a ConfigMap; nil if it was not read.
func (w *World) ConfigMap(namespace, name string) *ConfigMap {
	return lookup[*ConfigMap](w, KindConfigMap, namespace, name)
}

// Selected returns the workloads of a namespace whose pods have all the labels; all of the namespace for an empty selector.
func (w *World) Selected(namespace string, selector map[string]string) []*Workload {
	if len(selector) == 0 {
		return In(w.Workloads, namespace)
	}
	var rarest []*Workload
	first := true
	for k, v := range selector {
		if having := w.index.byLabel[label{namespace, k, v}]; first || len(having) < len(rarest) {
			rarest, first = having, false
		}
	}
	if len(selector) == 1 {
		return rarest[:len(rarest):len(rarest)]
	}
	return slices.DeleteFunc(slices.Clone(rarest), func(o *Workload) bool { return !hasLabels(o.PodLabels, selector) })
}

// WorkloadsOf returns the workloads that a service selects; none for a service without a selector.
func (w *World) WorkloadsOf(s *Service) []*Workload {
	if len(s.Spec.Selector) == 0 {
		return nil
	}
	return w.Selected(s.Namespace, s.Spec.Selector)
}

// ServicesOf returns the services that select a workload.
func (w *World) ServicesOf(o *Workload) []*Service { return w.index.services[o] }
