package plugin_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// hub is the address of the test's own namespace on the network of the nodes.
const hub = "10.250.0.1"

// world is an API server, and nodes on one network.
type world struct {
	*cluster.Cluster
	relay string // the address at which nodes reach the API server
	id    string
}

// newWorld starts the API server, and a network for nodes.
func newWorld(t testing.TB) *world {
	t.Helper()
	needRoot(t)
	command(t, "link set lo up\nlink add hub type bridge\nlink set hub up\naddr add "+hub+"/16 dev hub\n", "ip", "-batch", "-")
	t.Cleanup(func() { command(t, "", "ip", "link", "del", "hub") })
	w := &world{Cluster: cluster.Start(t), id: strconv.FormatInt(time.Now().UnixNano()%1e9, 36)}
	w.relay = relay(t, strings.TrimPrefix(w.Config.Host, "https://"))
	return w
}

// relay lets the nodes reach what listens on the test's loopback address.
func relay(t testing.TB, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", hub+":0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					defer out.Close()
					_, _ = io.Copy(out, in)
				}()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}

// kubeconfig is that of a user, for a process in the test's namespace or, with the relay, on a node.
func (w *world) kubeconfig(t testing.TB, config *rest.Config, server string) string {
	t.Helper()
	k := clientcmdapi.NewConfig()
	k.Clusters["test"] = &clientcmdapi.Cluster{Server: server, CertificateAuthority: config.CAFile, TLSServerName: "127.0.0.1"}
	k.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: config.BearerToken}
	k.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: "shop"}
	k.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*k, path))
	return path
}

// node is a network namespace, a cgroup, a kubelet that serves port-forward, and an agent.
type node struct {
	w       *world
	name    string
	number  int
	netns   string
	cgroup  string
	address string
	history string
	agent   *process
}

// node makes a node without an agent.
func (w *world) node(t testing.TB, number int) *node {
	t.Helper()
	n := &node{
		w: w, number: number, name: fmt.Sprintf("node-%d", number), netns: fmt.Sprintf("tt-plugin-%s-%d", w.id, number),
		address: fmt.Sprintf("10.250.%d.1", number), history: t.TempDir(),
	}
	n.cgroup = filepath.Join(cgroup2(t), "tlstrace-plugin-"+w.id+"-"+strconv.Itoa(number))
	must(t, os.Mkdir(n.cgroup, 0o755))
	t.Cleanup(func() { removeCgroup(t, n.cgroup) })
	command(t, "", "ip", "netns", "add", n.netns)
	t.Cleanup(func() { command(t, "", "ip", "netns", "del", n.netns) })
	cable := "cable" + strconv.Itoa(number)
	command(t, fmt.Sprintf("link add %[1]s type veth peer name eth0 netns %[2]s\nlink set %[1]s up master hub\n", cable, n.netns), "ip", "-batch", "-")
	n.ip(t, "link set lo up", "link set eth0 up", "addr add "+n.address+"/16 dev eth0")
	kubelet := start(t, "", nil, program("kubelet"), "/run/netns/"+n.netns)
	kubelet.prints(kubelet.out, "ready ")
	n.register(t, strings.TrimSpace(strings.TrimPrefix(kubelet.out.String(), "ready ")))
	return n
}

func (n *node) ip(t testing.TB, lines ...string) {
	t.Helper()
	command(t, strings.Join(lines, "\n")+"\n", "ip", "-n", n.netns, "-batch", "-")
}

// register makes the node known to the API server, with the address of its kubelet.
func (n *node) register(t testing.TB, kubelet string) {
	t.Helper()
	nodes := n.w.Client.CoreV1().Nodes()
	made, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.name}}, metav1.CreateOptions{})
	must(t, err)
	at, err := netip.ParseAddrPort(kubelet)
	must(t, err)
	made.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: at.Addr().String()}}
	made.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(at.Port())
	_, err = nodes.UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
	must(t, err)
}

// workload is a pod on a node whose processes are those of the test.
type workload struct {
	node    *node
	pod     *corev1.Pod
	address string
	cgroup  string
}

// workload makes a Deployment with one pod on the node.
func (n *node) workload(t testing.TB, name string, host int) *workload {
	t.Helper()
	p := &workload{node: n, address: fmt.Sprintf("10.250.%d.%d", n.number, host)}
	n.ip(t, "addr add "+p.address+"/16 dev eth0")
	p.pod = n.w.Workload(t, cluster.Workload{Kind: cluster.Deployment, Namespace: "shop", Name: name, Pods: []cluster.Pod{{
		Node: n.name, IPs: []string{p.address}, Labels: map[string]string{"tier": name},
	}}})[0]
	_, id, _ := strings.Cut(p.pod.Status.ContainerStatuses[0].ContainerID, "://")
	p.cgroup = filepath.Join(n.cgroup, "kubepods", "besteffort", "pod"+string(p.pod.UID), id)
	must(t, os.MkdirAll(p.cgroup, 0o755))
	return p
}

// start runs a peer in the pod.
func (p *workload) start(t testing.TB, role string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	argv := append([]string{"nsenter", "--net=/run/netns/" + p.node.netns, self}, args...)
	return start(t, p.cgroup, []string{peerRole + "=" + role}, argv...)
}

// agentPod makes the pod of the node's agent, as the chart's DaemonSet would.
func (n *node) agentPod(t testing.TB, name string) *corev1.Pod {
	t.Helper()
	return n.w.Pod(t, cluster.Pod{
		Namespace: "tlstrace", Name: name, Node: n.name, IPs: []string{n.address}, ServiceAccount: "tlstrace",
		Labels:     map[string]string{"app.kubernetes.io/name": "tlstrace", "app.kubernetes.io/instance": "tlstrace"},
		Containers: []cluster.Container{{Name: "agent", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9499}}}},
	})
}

// startAgent runs the agent, which sees what is in the cgroup of the node.
func (n *node) startAgent(t testing.TB, flags ...string) {
	t.Helper()
	argv := append([]string{
		"nsenter", "--net=/run/netns/" + n.netns, program("tlstrace"), "agent", "--listen", "0.0.0.0:9499", "--cgroup", n.cgroup, "--no-libraries",
		"--node", n.name, "--fold", "0", "--history-dir", n.history,
	}, flags...)
	n.agent = start(t, "", []string{"XDG_STATE_HOME=" + t.TempDir()}, argv...)
	n.agent.prints(n.agent.err, `"tracing"`)
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

// removeCgroup removes a cgroup and those below it, innermost first, once their processes are gone.
func removeCgroup(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.IsDir() {
			removeCgroup(t, filepath.Join(dir, e.Name()))
		}
	}
	eventually(t, dir+" can be removed", func() bool { return syscall.Rmdir(dir) == nil }, func() string { return "" })
}
