package lint

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

func versionChecks() []Check {
	return []Check{
		{
			ID: "TLT0101", Name: "sidecar-version-unexpected", Severity: Warning, Topic: TopicVersion,
			Summary: "A sidecar does not have the version that --istio-version asks for.",
			Explain: "The version is read from the image's tag, of the live pod if there is one, else of the template. An image that is named by a " +
				"digest alone, or by a tag without a version, cannot be compared and is not reported here.",
			Fix: "Restart the workload after the injector has the expected version, or correct the image in the template.",
			Run: checkExpectedVersion,
		},
		{
			ID: "TLT0102", Name: "sidecar-version-skew", Severity: Warning, Topic: TopicVersion,
			Summary: "A sidecar is newer than its control plane, or more than one minor version older.",
			Explain: "Istio supports a control plane that is one minor version ahead of its proxies, and no proxy that is ahead of its control plane " +
				"(istio.io/docs/releases/supported-releases/#control-planedata-plane-skew). Beyond that a proxy may be sent TLS settings it does not know, " +
				"or reject its whole configuration and keep an old one.",
			Fix:   "Upgrade the control plane first, then restart the workloads; with revisions there is no skew at all.",
			Known: []string{"IST0158"},
			Run:   checkSkew,
		},
		{
			ID: "TLT0103", Name: "sidecar-not-restarted", Severity: Info, Topic: TopicVersion,
			Summary: "A sidecar is older than its control plane, within what Istio supports.",
			Explain: "A sidecar keeps its version until its pod is made anew. Fixes of the new version, also of its TLS stack, are not in effect for it yet.",
			Fix:     "Restart the workload: kubectl rollout restart.",
			Known:   []string{"IST0158"},
			Run:     checkBehind,
		},
		{
			ID: "TLT0104", Name: "proxy-image-not-pinned", Severity: Warning, Topic: TopicVersion,
			Summary: "A proxy's image has a tag that moves, or none.",
			Explain: "With latest, no tag, or a minor version's tag (1.29) the version that a pod gets is that of the day and node it starts on: after the " +
				"tag moves, proxies of one workload differ, and a failed handshake cannot be told from an upgrade that nobody asked for. " +
				"The image \"auto\" is replaced by the injector and is no tag.",
			Fix: "Name a full version (1.29.1) or a digest.",
			Run: checkPinned,
		},
		{
			ID: "TLT0105", Name: "mixed-sidecar-versions", Severity: Warning, Topic: TopicVersion,
			Summary: "Sidecars of one revision have different versions.",
			Explain: "Two versions under two revisions are a canary upgrade, as documented (istio.io/docs/setup/upgrade/canary). Two versions under one revision " +
				"mean that some pods were never restarted, or that an image is overridden. Istio calls proxies of all versions compatible with each other " +
				"today, and says that this may change.",
			Fix:   "Restart the workloads that lag behind, and drop sidecar.istio.io/proxyImage overrides.",
			Known: []string{"IST0158"},
			Run:   checkMixed,
		},
	}
}

// proxyImage is the image of one proxy, and where it says so.
type proxyImage struct {
	workload *Workload
	object   Ref
	field    string
	image    string
	version  version
	known    bool // that the image tells the version
}

// proxyImages yields the proxies of every workload: those of its live pods, or else that of its template.
func proxyImages(w *World) iter.Seq[proxyImage] {
	return func(yield func(proxyImage) bool) {
		for _, o := range w.Workloads {
			for _, p := range imagesOf(o) {
				tag := parseImage(p.image)
				p.version, p.known = parseVersion(tag.tag)
				if !yield(p) {
					return
				}
			}
		}
	}
}

func imagesOf(o *Workload) []proxyImage {
	var found []proxyImage
	seen := map[string]bool{}
	for _, pod := range o.Pods {
		if pod.Proxy != nil && !seen[pod.Proxy.Image] {
			seen[pod.Proxy.Image] = true
			found = append(found, proxyImage{workload: o, object: pod.Ref, field: proxyField(pod.Spec), image: pod.Proxy.Image})
		}
	}
	if len(found) == 0 && o.Proxy != nil && o.Proxy.Image != "auto" {
		found = append(found, proxyImage{workload: o, object: o.Ref, field: o.Field(proxyField(o.Pod)), image: o.Proxy.Image})
	}
	return found
}

// proxyField finds the sidecar's image in a pod's specification.
func proxyField(pod *corev1.PodSpec) string {
	if pod == nil {
		return ""
	}
	for i, c := range pod.Containers {
		if c.Name == proxyName {
			return fmt.Sprintf("spec.containers[%d].image", i)
		}
	}
	for i, c := range pod.InitContainers {
		if c.Name == proxyName {
			return fmt.Sprintf("spec.initContainers[%d].image", i)
		}
	}
	return ""
}

func checkExpectedVersion(w *World, report Report) {
	expected, ok := parseVersion(w.Options.IstioVersion)
	if !ok {
		return
	}
	for p := range proxyImages(w) {
		if p.known && !p.version.fits(expected) {
			report(Finding{Object: p.object, Field: p.field, Related: []Ref{p.workload.Ref}, Message: fmt.Sprintf(
				"%s: the sidecar's image %s is version %s, expected is %s", titled(p.workload.Meta), p.image, p.version, expected)})
		}
	}
}

// revisionOf returns the revision that a workload is of, also if its sidecar is in the template and nothing is injected.
func (w *World) revisionOf(o *Workload) string {
	revision := cmp.Or(o.Revision, o.PodLabels[labelRevision])
	if ns := w.Namespace(o.Namespace); revision == "" && ns != nil {
		revision = ns.Labels[labelRevision]
	}
	return revision
}

// controlPlane returns the version of the control plane that injects a workload.
func (w *World) controlPlane(o *Workload) (version, bool) {
	if len(w.Mesh.ControlPlanes) > 0 {
		if text, ok := w.Mesh.ControlPlanes[cmp.Or(w.revisionOf(o), "default")]; ok {
			return parseVersion(text)
		}
		if len(w.Mesh.ControlPlanes) > 1 {
			return version{}, false // a revision tag: which control plane it stands for is not read
		}
	}
	return parseVersion(w.Mesh.ControlPlaneVersion)
}

// behind counts how many minor versions a proxy is older than its control plane; negative if it is newer. Versions of different major
// numbers are as far apart as can be.
func behind(proxy, plane version) int {
	if proxy.major != plane.major {
		return 100 * (plane.major - proxy.major)
	}
	return plane.minor - proxy.minor
}

func checkSkew(w *World, report Report) {
	for p := range proxyImages(w) {
		plane, ok := w.controlPlane(p.workload)
		if !ok || !p.known {
			continue
		}
		lag := behind(p.version, plane)
		why := "more than one minor version older than"
		switch {
		case lag < 0:
			why = "newer than"
		case lag <= 1:
			continue
		}
		report(Finding{Object: p.object, Field: p.field, Related: []Ref{p.workload.Ref}, Message: fmt.Sprintf(
			"%s: the sidecar is version %s, %s its control plane, which is %s: Istio does not support that", titled(p.workload.Meta), p.version, why, plane)})
	}
}

func checkBehind(w *World, report Report) {
	for p := range proxyImages(w) {
		plane, ok := w.controlPlane(p.workload)
		if !ok || !p.known || behind(p.version, plane) > 1 || p.version.compare(plane) >= 0 {
			continue
		}
		report(Finding{Object: p.object, Field: p.field, Related: []Ref{p.workload.Ref}, Message: fmt.Sprintf(
			"%s: the sidecar is version %s, its control plane is %s", titled(p.workload.Meta), p.version, plane)})
	}
}

func checkPinned(w *World, report Report) {
	for p := range proxyImages(w) {
		if why := unpinned(p.image); why != "" {
			report(Finding{Object: p.object, Field: p.field, Related: []Ref{p.workload.Ref}, Message: fmt.Sprintf(
				"%s: the sidecar's image %s %s: which version starts is decided anew on each node", titled(p.workload.Meta), p.image, why)})
		}
	}
	const override = "sidecar.istio.io/proxyImage"
	for _, o := range w.Workloads {
		value := o.PodAnnotations[override]
		if why := unpinned(value); why != "" {
			report(Finding{Object: o.Ref, Field: annotationField(o, override), Message: fmt.Sprintf(
				"%s: the annotation %s asks for %s, which %s: which version starts is decided anew on each node", titled(o.Meta), override, value, why)})
		}
	}
}

// unpinned says why an image does not name one version; "" if it does. A tag that is neither a version nor latest may be a build's own and is
// not judged.
func unpinned(reference string) string {
	i := parseImage(reference)
	v, isVersion := parseVersion(i.tag)
	switch {
	case i.pinned || reference == "auto" || reference == "": // the injector fills it in
		return ""
	case i.tag == "":
		return "has no tag"
	case i.tag == "latest" || strings.HasSuffix(i.tag, "-latest"):
		return "has the moving tag " + i.tag
	case strings.ContainsAny(i.tag, "*") || strings.HasSuffix(i.tag, ".x"):
		return "has a wildcard for a tag"
	case isVersion && v.patch < 0 && !strings.Contains(i.tag, "-alpha."):
		return "names no patch version, and the tag " + i.tag + " moves with each"
	}
	return ""
}

func checkMixed(w *World, report Report) {
	byRevision := map[string]map[version][]proxyImage{}
	for p := range proxyImages(w) {
		if !p.known || p.version.patch < 0 {
			continue
		}
		revision := w.revisionOf(p.workload)
		if byRevision[revision] == nil {
			byRevision[revision] = map[version][]proxyImage{}
		}
		byRevision[revision][p.version] = append(byRevision[revision][p.version], p)
	}
	for _, revision := range slices.Sorted(maps.Keys(byRevision)) {
		reportMixed(byRevision[revision], report)
	}
}

// reportMixed reports each version but the commonest, once, on the first proxy that has it.
func reportMixed(versions map[version][]proxyImage, report Report) {
	common := slices.SortedFunc(maps.Keys(versions), func(a, b version) int {
		if d := len(versions[b]) - len(versions[a]); d != 0 {
			return d
		}
		return b.compare(a)
	})
	for i, v := range common {
		if i == 0 {
			continue
		}
		var names []string
		var related refs
		for _, p := range versions[v] {
			names = append(names, titled(p.workload.Meta))
			related.add(p.workload.Ref)
		}
		first := versions[v][0]
		report(Finding{Object: first.object, Field: first.field, Related: related, Message: fmt.Sprintf(
			"the sidecars of %s are version %s, while most of the same revision (%d) are %s",
			few(names), v, len(versions[common[0]]), common[0])})
	}
}
