package lint

import (
	"encoding/json"
	"time"
)

// metadata is what is read of an object's metadata.
type metadata struct {
	Name         string            `json:"name"`
	GenerateName string            `json:"generateName"`
	Namespace    string            `json:"namespace"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	Created      time.Time         `json:"creationTimestamp"`
	Owners       []owner           `json:"ownerReferences"`
}

type owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"`
	Controller bool   `json:"controller"`
}

// controller is the owner that manages the object; zero if nothing does.
func (m *metadata) controller() owner {
	for _, o := range m.Owners {
		if o.Controller {
			return o
		}
	}
	return owner{}
}

// lastApplied holds the whole object once more, with what was dropped of it.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// place is where an object was read.
type place struct {
	doc  *document // nil for a live object
	path string    // within the document
	line int
}

// meta makes the part that every object has.
func (m *metadata) meta(a *api, version, namespace string, at place) Meta {
	delete(m.Annotations, lastApplied)
	out := Meta{
		Ref:    Ref{Kind: a.kind, APIVersion: groupVersion(a.group, version), Namespace: m.Namespace, Name: m.Name, Line: at.line},
		Labels: m.Labels, Annotations: m.Annotations, Created: m.Created, doc: at.doc, path: at.path,
	}
	if at.doc != nil {
		out.Source = at.doc.source
	}
	if m.Name == "" && m.GenerateName != "" {
		out.Name = m.GenerateName + "*"
	}
	switch {
	case a.cluster:
		out.Namespace = ""
	case out.Namespace == "":
		out.Namespace = namespace
	}
	return out
}

func groupVersion(group, version string) string {
	if group == "" {
		return version
	}
	return group + "/" + version
}

// header is what tells which object a piece of JSON is.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func headerOf(body []byte) (header, error) {
	var h header
	err := json.Unmarshal(body, &h)
	return h, err
}
