package enrich

import (
	"strings"
)

const (
	maxCgroupPath   = 4096 // PATH_MAX
	maxUIDBytes     = 128
	containerDigits = 64 // hexadecimal digits of a container's id, in every runtime
)

// runtimes by the word that the name of a container's cgroup begins with. The order matters to none of them.
// Sources: containerd internal/cri (cri-containerd), cri-o internal/config/cgmgr (crio), cri-dockerd and moby
// daemon/oci_linux.go (docker), podman libpod/container_internal_linux.go (libpod), nerdctl (nerdctl).
var runtimes = map[string]string{
	"cri-containerd": "containerd",
	"nerdctl":        "containerd",
	"crio":           "cri-o",
	"docker":         "docker",
	"libpod":         "podman",
}

// parents are folders that hold nothing but one runtime's containers, by bare id.
var parents = map[string]string{
	"docker":        "docker",
	"k8s.io":        "containerd", // containerd's namespace of the kubelet, where no parent was asked for
	"libpod_parent": "podman",
}

// containerOf reads the path of a cgroup, as kubelet, container runtimes and their systemd or cgroupfs drivers lay it out. What
// is hostile in it can only choose which container of its own it appears to be: cgroups are made by who owns their parent.
func containerOf(path string) (Container, error) {
	if len(path) > maxCgroupPath {
		return Container{}, ErrNoContainer
	}
	var found Container
	parent, class := "", false // class: the folder above holds pods
	for name := range strings.SplitSeq(path, "/") {
		// With the cgroupfs driver, the path that systemd's driver would have got is one folder: "PARENT.slice:cri-containerd:ID".
		slice, rest, unsplit := strings.Cut(name, ":")
		if uid := podUID(slice, class); uid != "" {
			found = within(found, uid)
		}
		if unsplit {
			found = found.with(splitContainer(rest))
		} else {
			found = found.with(containerName(name, parent, found.PodUID != ""))
		}
		class = name == "kubepods" || class && (name == "burstable" || name == "besteffort")
		parent = name
	}
	if found.ID == "" && found.PodUID == "" {
		return Container{}, ErrNoContainer
	}
	return found, nil
}

// within is a pod in whatever was found further out.
func within(outer Container, uid string) Container {
	pod := Container{PodUID: uid}
	if outer.ID != "" || outer.PodUID != "" {
		pod.Outer = &outer
	}
	return pod
}

// with takes a container, unless there is one: its inner ones are its own business.
func (c Container) with(id, runtime string) Container {
	if c.ID == "" && id != "" {
		c.ID, c.Runtime = id, runtime
	}
	return c
}

// podUID reads kubepods-burstable-pod0b7a_..._.slice of the systemd driver, and pod0b7a-... of cgroupfs below a folder kubepods
// (k8s.io/kubernetes/pkg/kubelet/cm/cgroup_manager_linux.go). In a foreign cgroup namespace that folder may be out of sight,
// "/../../pod0b7a-...": then only what looks like the UIDs that Kubernetes makes counts.
func podUID(name string, inClass bool) string {
	if slice, ok := strings.CutSuffix(name, ".slice"); ok {
		at := strings.LastIndex(slice, "-pod")
		if at < 0 || !isKubepods(slice[:at]) {
			return ""
		}
		return validUID(strings.ReplaceAll(slice[at+len("-pod"):], "_", "-"))
	}
	uid, ok := strings.CutPrefix(name, "pod")
	if !ok || !inClass && !isGeneratedUID(uid) {
		return ""
	}
	return validUID(uid)
}

// isKubepods says whether a slice is kubepods, or one of its quality classes, below any --cgroup-root: kubelet-kubepods-burstable.
func isKubepods(slice string) bool {
	for _, class := range []string{"-besteffort", "-burstable"} {
		slice = strings.TrimSuffix(slice, class)
	}
	return slice == "kubepods" || strings.HasSuffix(slice, "-kubepods")
}

func validUID(uid string) string {
	if len(uid) > maxUIDBytes || strings.ContainsFunc(uid, func(r rune) bool { return !isWord(r) && r != '-' && r != '.' }) {
		return ""
	}
	return uid
}

// isGeneratedUID knows a UUID, and the MD5 of a static pod's manifest.
func isGeneratedUID(uid string) bool {
	if len(uid) == 32 {
		return isHex(uid)
	}
	groups := strings.Split(uid, "-")
	if len(uid) != 36 || len(groups) != 5 {
		return false
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != length || !isHex(groups[i]) {
			return false
		}
	}
	return true
}

// splitContainer reads "cri-containerd:ID".
func splitContainer(s string) (id, runtime string) {
	prefix, id, _ := strings.Cut(s, ":")
	runtime, known := runtimes[prefix]
	if !known || !isContainerID(id) {
		return "", ""
	}
	return id, runtime
}

// containerName reads docker-ID.scope and cri-containerd-ID.scope, with or without the unit's suffix, and a bare ID where only
// containers are. A monitor, crio-conmon-ID.scope, is no container.
func containerName(name, parent string, inPod bool) (id, runtime string) {
	name = strings.TrimSuffix(name, ".scope")
	if isContainerID(name) {
		if runtime, known := parents[parent]; known || inPod {
			return name, runtime
		}
		return "", ""
	}
	at := strings.LastIndexByte(name, '-')
	if at < 0 || !isContainerID(name[at+1:]) {
		return "", ""
	}
	runtime, known := runtimes[name[:at]]
	if !known {
		return "", ""
	}
	return name[at+1:], runtime
}

func isContainerID(s string) bool { return len(s) == containerDigits && isHex(s) }

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

func isWord(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
