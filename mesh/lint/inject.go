package lint

import (
	"slices"
	"strings"
)

// neverInjected are the namespaces that istiod leaves alone (pkg/kube/inject, IgnoredNamespaces).
func neverInjected() []string {
	return []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
}

// expected is what pods that start now become: by the labels that istiod's webhooks select on
// (istio.io/docs/setup/additional-setup/sidecar-injection), then by those that the ambient agent goes by
// (istio.io/docs/ambient/usage/add-workloads). ns is nil if the namespace was not read.
func (w *World) expected(o *Workload, ns *Namespace) membership {
	if isGateway(o.PodLabels, o.PodAnnotations, o.Proxy) {
		return membership{is: IsGateway, why: "it is a gateway of the mesh"}
	}
	if o.Proxy != nil {
		return membership{is: InSidecar, why: "the sidecar is in the template"}
	}
	if o.Pod.HostNetwork {
		return membership{is: Outside, why: "hostNetwork: neither a sidecar nor ztunnel serves it"}
	}
	sidecar := injection(o, ns)
	if sidecar.is == InSidecar {
		return sidecar
	}
	if z := redirection(o, ns); z.is != Outside {
		return z
	}
	return sidecar
}

// injection decides whether istiod injects a sidecar.
func injection(o *Workload, ns *Namespace) membership {
	no := func(why string) membership { return membership{is: Outside, why: why} }
	yes := func(why, revision string) membership {
		if revision == "default" {
			revision = ""
		}
		return membership{InSidecar, why, revision}
	}
	label, annotation := o.PodLabels[labelInject], o.PodAnnotations[labelInject]
	switch {
	case slices.Contains(neverInjected(), o.Namespace):
		return no("istiod never injects into namespace " + o.Namespace)
	case label == "false":
		return no("label " + labelInject + "=false on the pods")
	case label == "" && annotation != "" && !truth(annotation):
		return no("annotation " + labelInject + " on the pods")
	case ns == nil && label == "true":
		return yes("label "+labelInject+"=true on the pods", o.PodLabels[labelRevision])
	case ns == nil:
		return membership{is: Unclear, why: "namespace " + o.Namespace + " was not read"}
	case ns.Labels[labelInjection] == "disabled":
		return no("label " + labelInjection + "=disabled on the namespace")
	case ns.Labels[labelInjection] == "enabled":
		return yes("label "+labelInjection+"=enabled on the namespace", "")
	case ns.Labels[labelInjection] != "":
		return no("label " + labelInjection + "=" + ns.Labels[labelInjection] + " on the namespace is neither enabled nor disabled")
	case ns.Labels[labelRevision] != "":
		return yes("label "+labelRevision+"="+ns.Labels[labelRevision]+" on the namespace", ns.Labels[labelRevision])
	case o.PodLabels[labelRevision] != "":
		return yes("label "+labelRevision+"="+o.PodLabels[labelRevision]+" on the pods", o.PodLabels[labelRevision])
	case label == "true":
		return yes("label "+labelInject+"=true on the pods", "")
	}
	return no("no label asks for injection")
}

// truth reads the annotation as istiod does.
func truth(value string) bool {
	return slices.Contains([]string{"y", "yes", "true", "on"}, strings.ToLower(value))
}

// redirection decides whether ztunnel serves the pods.
func redirection(o *Workload, ns *Namespace) membership {
	switch mode := o.PodLabels[labelDataplane]; {
	case mode == ambient:
		return membership{is: InAmbient, why: "label " + labelDataplane + "=ambient on the pods"}
	case mode == "none":
		return membership{is: Outside, why: "label " + labelDataplane + "=none on the pods"}
	case ns == nil:
		return membership{is: Unclear, why: "namespace " + o.Namespace + " was not read"}
	case ns.Labels[labelDataplane] == ambient:
		return membership{is: InAmbient, why: "label " + labelDataplane + "=ambient on the namespace"}
	}
	return membership{is: Outside}
}
