package lint

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"istio.io/api/networking/v1alpha3"
	"istio.io/api/security/v1beta1"
	corev1 "k8s.io/api/core/v1"
)

// object is any object of a [Set].
type object interface{ meta() *Meta }

func (m *Meta) meta() *Meta { return m }

// decoder makes one object of its JSON.
type decoder struct {
	api       *api
	version   string
	namespace string // of objects that name none
	body      []byte
	at        place
	problems  []Finding
}

// decode returns the object, or nil if it is of no use. What is wrong with it is in problems.
func (d *decoder) decode() object {
	switch d.api.kind {
	case KindNamespace:
		return decodeAs(d, func(m Meta, _ *struct{}) object { return &Namespace{m} })
	case KindServiceAccount:
		return decodeAs(d, func(m Meta, _ *struct{}) object { return &ServiceAccount{m} })
	case KindService:
		return decodeAs(d, func(m Meta, b *struct{ Spec corev1.ServiceSpec }) object { return &Service{m, &b.Spec} })
	case KindConfigMap:
		return decodeAs(d, func(m Meta, b *struct{ Data map[string]string }) object { return &ConfigMap{m, b.Data} })
	case KindSecret:
		return decodeAs(d, func(m Meta, b *secretBody) object { return &Secret{m, b.data()} })
	case KindWaypoint:
		return decodeAs(d, func(m Meta, b *waypointBody) object { return &Waypoint{m, b.spec()} })
	case KindPod:
		return d.pod()
	case KindPeerAuthentication:
		return decodeSpec(d, &v1beta1.PeerAuthentication{})
	case KindAuthorizationPolicy:
		return decodeSpec(d, &v1beta1.AuthorizationPolicy{})
	case KindDestinationRule:
		return decodeSpec(d, &v1alpha3.DestinationRule{})
	case KindServiceEntry:
		return decodeSpec(d, &v1alpha3.ServiceEntry{})
	case KindGateway:
		return decodeSpec(d, &v1alpha3.Gateway{})
	case KindVirtualService:
		return decodeSpec(d, &v1alpha3.VirtualService{})
	case KindSidecar:
		return decodeSpec(d, &v1alpha3.Sidecar{})
	case KindWorkloadEntry:
		return decodeSpec(d, &v1alpha3.WorkloadEntry{})
	}
	return d.workload()
}

// metaOf reads the metadata; false if the object has no name, or its metadata is no metadata.
func (d *decoder) metaOf() (metadata, Meta, bool) {
	var head struct{ Metadata metadata }
	if err := json.Unmarshal(d.body, &head); err != nil {
		d.invalid(Meta{Ref: Ref{Kind: d.api.kind}}, "metadata", err)
		return metadata{}, Meta{}, false
	}
	m, ok := d.named(&head.Metadata)
	return head.Metadata, m, ok
}

// named makes the part that every object has; false if there is no name.
func (d *decoder) named(head *metadata) (Meta, bool) {
	m := head.meta(d.api, d.version, d.namespace, d.at)
	if m.Name == "" {
		d.report(idInvalid, m, "metadata.name", fmt.Sprintf("a %s has no name", d.api.name))
	}
	return m, m.Name != ""
}

// decodeAs reads an object of Kubernetes' own.
func decodeAs[B any](d *decoder, build func(Meta, *B) object) object {
	_, m, ok := d.metaOf()
	if !ok {
		return nil
	}
	var body B
	if err := json.Unmarshal(d.body, &body); err != nil {
		d.invalid(m, "", err)
		return nil
	}
	return build(m, &body)
}

// decodeSpec reads an object of Istio's. A field that Istio does not know is a warning, and the rest counts all the same, as it
// does for the API server. Only Istio's kinds are looked at so closely, of which the whole API is there: what Kubernetes itself has added
// since is no mistake of the user's.
func decodeSpec[S proto.Message](d *decoder, spec S) object {
	_, m, ok := d.metaOf()
	if !ok {
		return nil
	}
	var body struct{ Spec json.RawMessage }
	if err := json.Unmarshal(d.body, &body); err != nil {
		d.invalid(m, "spec", err)
		return nil
	}
	if len(body.Spec) == 0 || string(body.Spec) == "null" {
		body.Spec = json.RawMessage("{}")
	}
	refused := false
	for _, f := range mistakes(spec.ProtoReflect().Descriptor(), body.Spec, "spec") {
		d.report(f.id, m, f.field, f.text)
		refused = refused || f.id == idInvalid
	}
	if refused {
		return nil // as the API server refuses it
	}
	lenient := protojson.UnmarshalOptions{DiscardUnknown: true}
	if err := lenient.Unmarshal(body.Spec, spec); err != nil {
		d.invalid(m, "spec", err)
		return nil
	}
	return &Object[S]{m, spec}
}

func (d *decoder) report(id string, m Meta, field, text string) {
	if m.doc == nil && d.at.doc != nil {
		m.Source, m.Line, m.doc, m.path = d.at.doc.source, d.at.line, d.at.doc, d.at.path
	}
	f := finding(id, m.Ref, field, text)
	f.at = &m
	d.problems = append(d.problems, f)
}

// invalid reports what a library said of an object, without the library's own name in it.
func (d *decoder) invalid(m Meta, field string, err error) {
	d.report(idInvalid, m, field, fmt.Sprintf("%s %s cannot be read: %s", d.api.name, nameOf(m), inWords(err)))
}

type secretBody struct {
	Type       string
	Data       map[string]any
	StringData map[string]string
	Sops       json.RawMessage // of github.com/getsops/sops: the values are encrypted
}

type waypointBody struct {
	Spec struct {
		GatewayClassName string
		Listeners        []struct {
			Name, Hostname, Protocol string
			Port                     int32
			TLS                      struct {
				Mode            string
				CertificateRefs []struct{ Group, Kind, Namespace, Name string }
			}
		}
	}
}

func (b *waypointBody) spec() WaypointSpec {
	out := WaypointSpec{Class: b.Spec.GatewayClassName}
	for _, l := range b.Spec.Listeners {
		listener := WaypointListener{Name: l.Name, Hostname: l.Hostname, Protocol: l.Protocol, Port: l.Port, TLSMode: l.TLS.Mode}
		for _, c := range l.TLS.CertificateRefs {
			if c.Group != "" || c.Kind != "" && c.Kind != "Secret" {
				continue
			}
			name := c.Name
			if c.Namespace != "" {
				name = c.Namespace + "/" + name
			}
			listener.Certificates = append(listener.Certificates, name)
		}
		out.Listeners = append(out.Listeners, listener)
	}
	return out
}
