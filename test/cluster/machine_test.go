package cluster

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// machine is a part of this one that stands for a node: a network namespace, and a cgroup that kubelet's would be in.
type machine struct {
	t      *testing.T
	name   string
	netns  string // file of the namespace
	cgroup string // folder
	layout func(pod *corev1.Pod, container string) string
}

// systemd and cgroupfs are where kubelet puts a container with either driver, containerd being the runtime (kubernetes
// pkg/kubelet/cm/cgroup_manager_linux.go).
func systemd(pod *corev1.Pod, container string) string {
	uid := strings.ReplaceAll(string(pod.UID), "-", "_")
	return fmt.Sprintf("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod%s.slice/cri-containerd-%s.scope", uid, container)
}

func cgroupfs(pod *corev1.Pod, container string) string {
	return fmt.Sprintf("kubepods/burstable/pod%s/%s", pod.UID, container)
}

// newMachines makes two nodes with a cable between them. All of it ends with the test.
func newMachines(t *testing.T) (a, b *machine) {
	t.Helper()
	a = newMachine(t, "node-a", systemd)
	b = newMachine(t, "node-b", cgroupfs)
	run(t, "ip", "link", "add", "pods", "netns", a.pid(), "type", "veth", "peer", "name", "pods", "netns", b.pid())
	for _, m := range []*machine{a, b} {
		m.ip("link set lo up")
		m.ip("link set pods up")
	}
	return a, b
}

func newMachine(t *testing.T, name string, layout func(*corev1.Pod, string) string) *machine {
	t.Helper()
	m := &machine{t: t, name: name, layout: layout, cgroup: filepath.Join(cgroupRoot(), fmt.Sprintf("tlstrace-test-%s-%d", name, os.Getpid()))}
	must(t, os.Mkdir(m.cgroup, 0o755))
	t.Cleanup(func() { removeCgroups(t, m.cgroup) })
	p := m.start(name, "unshare", "--net", "sh", "-c", "echo made; exec sleep 3600")
	eventually(t, func() error {
		if strings.Contains(p.tail(), "made") {
			return nil
		}
		return fmt.Errorf("no network namespace: %s", p.tail())
	})
	m.netns = fmt.Sprintf("/proc/%d/ns/net", p.pid)
	return m
}

// pid of the process that keeps the namespace.
func (m *machine) pid() string { return strings.Split(m.netns, "/")[2] }

// cgroupRoot is where cgroup v2 is mounted.
func cgroupRoot() string {
	const beside = "/sys/fs/cgroup/unified" // cgroup v1
	if _, err := os.Stat(beside); err == nil {
		return beside
	}
	return "/sys/fs/cgroup"
}

// removeCgroups removes a tree of cgroups whose processes are gone; the kernel takes a moment to notice.
func removeCgroups(t *testing.T, root string) {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // what cannot be read cannot be removed
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs)
	eventually(t, func() error {
		for _, dir := range dirs {
			if err := syscall.Rmdir(dir); err != nil && err != syscall.ENOENT {
				return fmt.Errorf("rmdir %s: %w", dir, err)
			}
		}
		return nil
	})
}

// ip runs a command of ip(8) on the machine.
func (m *machine) ip(command string) {
	m.t.Helper()
	run(m.t, "nsenter", append([]string{"--net=" + m.netns, "ip"}, strings.Fields(command)...)...)
}

// give makes an address the machine's own.
func (m *machine) give(address string) { m.ip("address add " + address + "/32 dev pods") }

// start runs a program on this machine, outside of every namespace, until the test ends.
func (m *machine) start(name string, argv ...string) *process {
	m.t.Helper()
	return launch(m.t, name, argv...)
}

// inPod runs a program in a container of a pod.
func (m *machine) inPod(pod *corev1.Pod, name string, argv ...string) *process {
	m.t.Helper()
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	dir := filepath.Join(m.cgroup, m.layout(pod, id))
	must(m.t, os.MkdirAll(dir, 0o755))
	const script = `echo $$ >"$1/cgroup.procs" && netns=$2 && shift 2 && exec nsenter --net="$netns" "$@"`
	return m.start(name, append([]string{"sh", "-c", script, "sh", dir, m.netns}, argv...)...)
}

func launch(t *testing.T, name string, argv ...string) *process {
	t.Helper()
	p, err := startProcess(filepath.Join(t.TempDir(), name+".log"), argv...)
	must(t, err)
	t.Cleanup(func() { _ = p.end(syscall.SIGKILL, 10*time.Second) }) // cannot fail to be killed
	return p
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}
