package mesh_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The addresses that every pod routes by. The node has them at each pod's cable, as Calico does.
const (
	gateway  = "169.254.1.1"
	gateway6 = "fd77:ffff::1"
)

// node is a network namespace that routes between pods, and a cgroup that holds theirs.
type node struct {
	netns  string
	cgroup string
	pods   atomic.Int32
}

// newNode makes a node without pods.
func newNode(t testing.TB) *node {
	t.Helper()
	needRoot(t)
	id := strconv.FormatInt(int64(os.Getpid()), 36) + strconv.FormatInt(time.Now().UnixNano()%1e9, 36)
	n := &node{netns: "tt-mesh-" + id, cgroup: filepath.Join(cgroup2(t), "tlstrace-mesh-"+id)}
	must(t, os.Mkdir(n.cgroup, 0o755))
	t.Cleanup(func() { removeCgroup(t, n.cgroup) })
	namespace(t, n.netns)
	command(t, "", "ip", "netns", "exec", n.netns, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	return n
}

func namespace(t testing.TB, name string) {
	t.Helper()
	command(t, "", "ip", "netns", "add", name)
	t.Cleanup(func() { command(t, "", "ip", "netns", "del", name) })
}

// pod is a network namespace with an address of each family, and a cgroup.
type pod struct {
	t        testing.TB
	name     string
	netns    string
	cgroup   string
	address  string
	address6 string
	id       uint64 // of its cgroup: never used again, as inode numbers of namespaces are
}

// pod adds a pod to the node, for as long as the test.
func (n *node) pod(t testing.TB, name, address, address6 string) *pod {
	t.Helper()
	number := strconv.Itoa(int(n.pods.Add(1)))
	p := &pod{t: t, name: name, netns: n.netns + "-" + number, cgroup: filepath.Join(n.cgroup, name+"-"+number), address: address, address6: address6}
	must(t, os.Mkdir(p.cgroup, 0o755))
	t.Cleanup(func() { removeCgroup(t, p.cgroup) })
	namespace(t, p.netns)
	ip := func(netns, batch string) { command(t, batch, "ip", "-n", netns, "-batch", "-") }
	ip(n.netns, fmt.Sprintf("link add pod%[1]s type veth peer name eth0 netns %[2]s\nlink set pod%[1]s up\n"+
		"addr add %[3]s/32 dev pod%[1]s\naddr add %[4]s/128 dev pod%[1]s nodad\nroute add %[5]s dev pod%[1]s\nroute add %[6]s dev pod%[1]s\n",
		number, p.netns, gateway, gateway6, address, address6))
	ip(p.netns, fmt.Sprintf("link set lo up\nlink set eth0 up\naddr add %[3]s/32 dev eth0\naddr add %[4]s/128 dev eth0 nodad\n"+
		"route add %[1]s dev eth0\nroute add default via %[1]s dev eth0\nroute add %[2]s dev eth0\nroute add default via %[2]s dev eth0\n",
		gateway, gateway6, address, address6))
	dir, err := os.Stat(p.cgroup)
	must(t, err)
	p.id = dir.Sys().(*syscall.Stat_t).Ino
	return p
}

// start runs a program in the pod.
func (p *pod) start(env []string, argv ...string) *process {
	p.t.Helper()
	command := exec.Command("nsenter", append([]string{"--net=/run/netns/" + p.netns}, argv...)...) // which becomes the program
	command.Env = append(os.Environ(), env...)
	return launch(p.t, command, p.cgroup)
}

// listens says whether somebody listens on a port. It reads the socket tables: a trial connection would be seen by the tracer.
func (p *pod) listens(by *process, port int) bool {
	suffix := fmt.Sprintf(":%04X", port)
	for _, family := range []string{"tcp", "tcp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", by.pid(), family))
		must(p.t, err)
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == "0A" { // TCP_LISTEN, include/net/tcp_states.h
				return true
			}
		}
	}
	return false
}

// await returns when a process of the pod listens on a port.
func (p *pod) await(by *process, port int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s listens on port %d", p.name, port), func() bool {
		if by.ended() {
			p.t.Fatalf("%s ended: %s%s", by.cmd, by.out, by.err)
		}
		return p.listens(by, port)
	})
}

// cgroup2 is where cgroup v2 is mounted.
func cgroup2(t testing.TB) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	t.Fatal("no cgroup v2 hierarchy is mounted")
	return ""
}

// removeCgroup removes a cgroup once its processes are gone.
func removeCgroup(t testing.TB, dir string) {
	t.Helper()
	eventually(t, dir+" can be removed", func() bool { return os.Remove(dir) == nil })
}
