package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// node is a cgroup that stands for a machine: the agent traces what runs in it and below.
type node struct {
	t   testing.TB
	dir string
}

func newNode(t testing.TB) *node {
	t.Helper()
	needRoot(t)
	n := &node{t: t, dir: filepath.Join(cgroup2(t), fmt.Sprintf("tlstrace-agent-%d-%d", os.Getpid(), time.Now().UnixNano()))}
	must(t, os.Mkdir(n.dir, 0o755))
	t.Cleanup(func() { removeCgroups(t, n.dir) })
	return n
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

// cgroup makes a cgroup of the node; path may have several levels.
func (n *node) cgroup(path string) string {
	n.t.Helper()
	dir := filepath.Join(n.dir, path)
	must(n.t, os.MkdirAll(dir, 0o755))
	return dir
}

// removeCgroups removes a cgroup and those below it, innermost first, once their processes are gone.
func removeCgroups(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Errorf("removing %s: %v", dir, err)
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeCgroups(t, filepath.Join(dir, e.Name()))
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if err = os.Remove(dir); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Errorf("removing a cgroup: %v", err)
	}
}

// network is two network namespaces with a cable between them.
type network struct{ client, server string }

// newNetwork connects two namespaces. Each side gets its addresses, with a prefix that covers those of both.
func newNetwork(t testing.TB, clients, servers []string) network {
	t.Helper()
	id := strconv.FormatInt(time.Now().UnixNano()%1e9, 36)
	n := network{client: "tt-c-" + id, server: "tt-s-" + id}
	for _, ns := range []string{n.client, n.server} {
		command(t, nil, "ip", "netns", "add", ns)
		t.Cleanup(func() { command(t, nil, "ip", "netns", "del", ns) })
	}
	command(t, nil, "ip", "link", "add", "eth0", "netns", n.client, "type", "veth", "peer", "name", "eth0", "netns", n.server)
	n.setUp(t, n.client, clients)
	n.setUp(t, n.server, servers)
	return n
}

func (n network) setUp(t testing.TB, ns string, addresses []string) {
	t.Helper()
	var batch strings.Builder
	batch.WriteString("link set lo up\nlink set eth0 up\n")
	for _, a := range addresses {
		fmt.Fprintf(&batch, "addr add %s dev eth0\n", a)
	}
	command(t, strings.NewReader(batch.String()), "ip", "-n", ns, "-batch", "-")
}

func command(t testing.TB, in *strings.Reader, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	if in != nil {
		cmd.Stdin = in
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
