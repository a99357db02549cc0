package lint

import (
	"cmp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Mesh is the configuration of the mesh: the ConfigMap istio, or else istio-REVISION, of the root namespace, key mesh
// (istio.io/docs/reference/config/istio.mesh.v1alpha1).
type Mesh struct {
	// Ref is the ConfigMap; zero if none was read: the rest is Istio's defaults then.
	Ref Ref
	// Known says that a mesh configuration was read.
	Known bool

	TrustDomain        string
	TrustDomainAliases []string
	RootNamespace      string
	// AutoMTLS is enableAutoMtls (default true).
	AutoMTLS bool
	// MinProtocolVersion is meshMTLS.minProtocolVersion, "" for Istio's default (TLSV1_2).
	MinProtocolVersion string
	// AllowAnyOutbound is outboundTrafficPolicy.mode ALLOW_ANY (the default), else REGISTRY_ONLY.
	AllowAnyOutbound bool
	// ControlPlaneVersion is that of istiod, from the tag of its image or its label, "" if none was read. With several
	// revisions it is that of the default one, or else of the newest: see ControlPlanes.
	ControlPlaneVersion string
	// ControlPlanes are the versions by revision ("default" for that without a name).
	ControlPlanes map[string]string
}

// meshConfig is what is read of the key mesh. Fields that are not known are left alone: istiod reads it, not the API server.
type meshConfig struct {
	TrustDomain        string   `json:"trustDomain"`
	TrustDomainAliases []string `json:"trustDomainAliases"`
	RootNamespace      string   `json:"rootNamespace"`
	EnableAutoMTLS     *bool    `json:"enableAutoMtls"`
	MeshMTLS           struct {
		MinProtocolVersion string `json:"minProtocolVersion"`
	} `json:"meshMTLS"`
	OutboundTrafficPolicy struct {
		Mode string `json:"mode"`
	} `json:"outboundTrafficPolicy"`
}

// meshConfigName is the ConfigMap that istiod reads; that of a revision has it as its prefix.
const meshConfigName = "istio"

// meshOf reads the mesh configuration; what the options say comes first.
func meshOf(w *World) Mesh {
	var config meshConfig
	m := Mesh{}
	if from := meshConfigMap(w); from != nil {
		if err := yaml.Unmarshal([]byte(from.Spec["mesh"]), &config); err != nil {
			w.problems = append(w.problems, finding(idInvalid, from.Ref, "data.mesh", "the mesh configuration cannot be read: "+inWords(err)))
		} else {
			m.Ref, m.Known = from.Ref, true
		}
	}
	m.TrustDomain = cmp.Or(w.Options.TrustDomain, config.TrustDomain, DefaultTrustDomain)
	m.TrustDomainAliases = config.TrustDomainAliases
	m.RootNamespace = cmp.Or(w.Options.RootNamespace, config.RootNamespace, DefaultRootNamespace)
	m.AutoMTLS = config.EnableAutoMTLS == nil || *config.EnableAutoMTLS
	m.MinProtocolVersion = config.MeshMTLS.MinProtocolVersion
	m.AllowAnyOutbound = config.OutboundTrafficPolicy.Mode != "REGISTRY_ONLY"
	m.ControlPlanes = controlPlanes(w)
	m.ControlPlaneVersion = mainVersion(m.ControlPlanes)
	return m
}

// meshConfigMap finds the ConfigMap: that of the default revision, or else the first one of a revision.
func meshConfigMap(w *World) *ConfigMap {
	var found *ConfigMap
	for _, c := range In(w.ConfigMaps, cmp.Or(w.Options.RootNamespace, DefaultRootNamespace)) {
		switch {
		case c.Spec["mesh"] == "":
		case c.Name == meshConfigName:
			return c
		case found == nil && strings.HasPrefix(c.Name, meshConfigName+"-"):
			found = c
		}
	}
	return found
}

// controlPlanes finds the versions of istiod by revision.
func controlPlanes(w *World) map[string]string {
	found := map[string]string{}
	for _, o := range w.Workloads {
		if o.PodLabels[labelApp] != "istiod" {
			continue
		}
		revision := cmp.Or(o.PodLabels[labelRevision], o.Labels[labelRevision], "default")
		for _, c := range o.Pod.Containers {
			tag := parseImage(c.Image).tag
			if _, ok := parseVersion(tag); !ok {
				tag = o.Labels["app.kubernetes.io/version"]
			}
			if c.Name == "discovery" && tag != "" {
				found[revision] = tag
			}
		}
	}
	return found
}

// mainVersion is that of the default revision, or else the newest.
func mainVersion(planes map[string]string) string {
	if version, ok := planes["default"]; ok {
		return version
	}
	newest := ""
	for _, text := range planes {
		v, _ := parseVersion(text)
		best, _ := parseVersion(newest)
		if newest == "" || v.compare(best) > 0 || v.compare(best) == 0 && text > newest {
			newest = text
		}
	}
	return newest
}
