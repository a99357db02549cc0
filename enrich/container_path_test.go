package enrich

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	idA    = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	idB    = "ffffffff4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	uid1   = "6f1b0c5e-2a44-4a0b-9d3f-0c8f1f7b2a11"
	slice1 = "6f1b0c5e_2a44_4a0b_9d3f_0c8f1f7b2a11" // uid1 as systemd's driver writes it
	uid2   = "aaaaaaaa-2a44-4a0b-9d3f-0c8f1f7b2a11"
	static = "4b8a3d1c9e7f60718293a4b5c6d7e8f9"
)

func TestContainerOf(t *testing.T) {
	tests := []struct {
		name, path string
		want       Container
	}{
		{"containerd, systemd, burstable",
			"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice1 + ".slice/cri-containerd-" + idA + ".scope",
			Container{ID: idA, Runtime: "containerd", PodUID: uid1}},
		{"containerd, systemd, guaranteed",
			"/kubepods.slice/kubepods-pod" + slice1 + ".slice/cri-containerd-" + idA + ".scope",
			Container{ID: idA, Runtime: "containerd", PodUID: uid1}},
		{"containerd, cgroupfs", "/kubepods/besteffort/pod" + uid1 + "/" + idA, Container{ID: idA, PodUID: uid1}},
		{"containerd, cgroupfs, guaranteed", "/kubepods/pod" + uid1 + "/" + idA, Container{ID: idA, PodUID: uid1}},
		{"containerd whose driver is cgroupfs while kubelet's is systemd",
			"/system.slice/containerd.service/kubepods-burstable-pod" + slice1 + ".slice:cri-containerd:" + idA,
			Container{ID: idA, Runtime: "containerd", PodUID: uid1}},
		{"containerd below its namespace", "/k8s.io/" + idA, Container{ID: idA, Runtime: "containerd"}},
		{"CRI-O, systemd",
			"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice1 + ".slice/crio-" + idA + ".scope",
			Container{ID: idA, Runtime: "cri-o", PodUID: uid1}},
		{"CRI-O, a folder that the container gets for itself",
			"/kubepods.slice/kubepods-pod" + slice1 + ".slice/crio-" + idA + ".scope/container",
			Container{ID: idA, Runtime: "cri-o", PodUID: uid1}},
		{"CRI-O, cgroupfs", "/kubepods/burstable/pod" + uid1 + "/crio-" + idA, Container{ID: idA, Runtime: "cri-o", PodUID: uid1}},
		{"CRI-O's monitor in the pod",
			"/kubepods.slice/kubepods-pod" + slice1 + ".slice/crio-conmon-" + idA + ".scope", Container{PodUID: uid1}},
		{"cri-dockerd, systemd",
			"/kubepods.slice/kubepods-pod" + slice1 + ".slice/docker-" + idA + ".scope",
			Container{ID: idA, Runtime: "docker", PodUID: uid1}},
		{"docker, systemd", "/system.slice/docker-" + idA + ".scope", Container{ID: idA, Runtime: "docker"}},
		{"docker, cgroupfs", "/docker/" + idA, Container{ID: idA, Runtime: "docker"}},
		{"podman", "/machine.slice/libpod-" + idA + ".scope", Container{ID: idA, Runtime: "podman"}},
		{"podman, rootless",
			"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container",
			Container{ID: idA, Runtime: "podman"}},
		{"podman, cgroupfs", "/libpod_parent/libpod-" + idA, Container{ID: idA, Runtime: "podman"}},
		{"a static pod, systemd",
			"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + static + ".slice/cri-containerd-" + idA + ".scope",
			Container{ID: idA, Runtime: "containerd", PodUID: static}},
		{"a static pod, cgroupfs", "/kubepods/burstable/pod" + static + "/" + idA, Container{ID: idA, PodUID: static}},
		{"a static pod that chose its own UID", "/kubepods/burstable/podetcd.1/" + idA, Container{ID: idA, PodUID: "etcd.1"}},
		{"below a cgroup root of its own",
			"/node.slice/node-kubepods.slice/node-kubepods-pod" + slice1 + ".slice/crio-" + idA + ".scope",
			Container{ID: idA, Runtime: "cri-o", PodUID: uid1}},
		{"a pod's sub-cgroups are the container's",
			"/kubepods/burstable/pod" + uid1 + "/" + idA + "/system.slice/nginx.service", Container{ID: idA, PodUID: uid1}},
		{"a name in a container that begins like a pod",
			"/kubepods/burstable/pod" + uid1 + "/" + idA + "/podman", Container{ID: idA, PodUID: uid1}},
		{"docker in a pod", "/kubepods/burstable/pod" + uid1 + "/" + idA + "/docker/" + idB, Container{ID: idA, PodUID: uid1}},
		{"docker in docker", "/docker/" + idA + "/docker/" + idB, Container{ID: idA, Runtime: "docker"}},
		{"a pod of kind, on the host",
			"/system.slice/docker-" + idA + ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slice1 +
				".slice/cri-containerd-" + idB + ".scope",
			Container{ID: idB, Runtime: "containerd", PodUID: uid1, Outer: &Container{ID: idA, Runtime: "docker"}}},
		{"a pod of a cluster in a pod", "/kubepods/pod" + uid1 + "/" + idA + "/kubepods/burstable/pod" + uid2 + "/" + idB,
			Container{ID: idB, PodUID: uid2, Outer: &Container{ID: idA, PodUID: uid1}}},
		{"in the cgroup of a pod, in no container", "/kubepods/burstable/pod" + uid1, Container{PodUID: uid1}},
		{"another pod's, from a cgroup namespace", "/../../pod" + uid1 + "/" + idA, Container{ID: idA, PodUID: uid1}},
		{"another pod's, from a cgroup namespace, systemd",
			"/../../kubepods-besteffort-pod" + slice1 + ".slice/cri-containerd-" + idA + ".scope",
			Container{ID: idA, Runtime: "containerd", PodUID: uid1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := containerOf(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestContainerOfNone(t *testing.T) {
	tests := []struct{ name, path string }{
		{"nothing", ""},
		{"the root", "/"},
		{"a service", "/system.slice/nginx.service"},
		{"a session", "/user.slice/user-1000.slice/session-2.scope"},
		{"kubelet", "/system.slice/kubelet.service"},
		{"all pods", "/kubepods.slice/kubepods-burstable.slice"},
		{"CRI-O's monitor outside of the pod", "/system.slice/crio-conmon-" + idA + ".scope"},
		{"podman's monitor", "/machine.slice/libpod-conmon-" + idA + ".scope"},
		{"an unknown runtime", "/system.slice/other-" + idA + ".scope"},
		{"hexadecimal digits that are no container's", "/system.slice/" + idA},
		{"an id that is too short", "/docker/" + idA[1:]},
		{"an id in capitals", "/docker/" + strings.ToUpper(idA)},
		{"docker's own builds", "/system.slice/docker/buildkit"},
		{"a folder named like a pod", "/srv/pods"},
		{"a pod of no UID", "/kubepods/burstable/pod"},
		{"a pod's slice of no UID", "/kubepods.slice/kubepods-pod.slice"},
		{"a UID with a control character", "/kubepods/burstable/pod\x1b[31m"},
		{"a UID without end", "/kubepods/burstable/pod" + strings.Repeat("a", maxUIDBytes+1)},
		{"a path without end", "/docker/" + idA + strings.Repeat("/a", maxCgroupPath)},
		{"machines", "/machine.slice/machine-qemu.scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := containerOf(tt.path); !errors.Is(err, ErrNoContainer) {
				t.Errorf("got %+v, %v; want %v", got, err, ErrNoContainer)
			}
		})
	}
}

func FuzzContainerOf(f *testing.F) {
	f.Add("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice1 + ".slice/cri-containerd-" + idA + ".scope")
	f.Add("/kubepods/pod" + uid1 + "/" + idA + "/kubepods/burstable/pod" + uid2 + "/" + idB)
	f.Add("/a/kubepods-pod" + slice1 + ".slice:cri-containerd:" + idA)
	f.Add("/docker/" + idA + "/docker/" + idB)
	f.Fuzz(func(t *testing.T, path string) {
		found, err := containerOf(path)
		if err != nil {
			if found != (Container{}) {
				t.Errorf("%q: %+v with %v", path, found, err)
			}
			return
		}
		depth := 0
		for c := &found; c != nil; c = c.Outer {
			if depth++; depth > maxCgroupPath {
				t.Fatalf("%q: containers without end", path)
			}
			if c.ID == "" && c.PodUID == "" || c.ID != "" && !isContainerID(c.ID) || c.PodUID != validUID(c.PodUID) {
				t.Errorf("%q: %+v", path, *c)
			}
		}
	})
}
