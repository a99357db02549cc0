package proxylog

import (
	"path/filepath"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// PodOf tells whose log a file is by where the kubelet puts it: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log, or by the link to
// it, /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log (kubelet, pkg/kubelet/kuberuntime). It returns nil for any other path.
func PodOf(path string) *event.K8s {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(path)), "/")
	n := len(parts)
	if n >= 3 {
		if pod := strings.Split(parts[n-3], "_"); len(pod) == 3 && strings.Contains(parts[n-1], ".log") {
			return ownPod(pod[0], pod[1], parts[n-2])
		}
	}
	if n >= 2 && parts[n-2] == "containers" {
		if link := strings.Split(strings.TrimSuffix(parts[n-1], ".log"), "_"); len(link) == 3 {
			container := link[2]
			if cut := strings.LastIndexByte(container, '-'); cut > 0 {
				container = container[:cut]
			}
			return ownPod(link[1], link[0], container)
		}
	}
	return nil
}

func ownPod(namespace, pod, container string) *event.K8s {
	if name(namespace) == "" || name(pod) == "" {
		return nil
	}
	return &event.K8s{Namespace: namespace, Pod: pod, Container: name(container), Sidecar: container == sidecar}
}

// sidecar is the name of the container that Istio injects.
const sidecar = "istio-proxy"
