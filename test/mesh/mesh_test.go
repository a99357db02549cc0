package mesh_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// lab is what the meshes of a test share.
type lab struct {
	dir           string
	domain, other *authority // the mesh's trust domain, and one that it does not trust
	meshes        atomic.Int32
	node          *node
}

func newLab(t testing.TB) *lab {
	t.Helper()
	needRoot(t)
	dir := publicDir(t)
	l := &lab{
		dir: dir, node: newNode(t),
		domain: newAuthority(t, dir, "cluster.local"), other: newAuthority(t, dir, "other.example"),
	}
	for _, name := range []string{"sidecar", "payments", "checkout"} {
		copySelf(t, filepath.Join(dir, name))
	}
	return l
}

// setup is how a mesh differs from one that works. The zero value works.
type setup struct {
	outbound, inbound  int    // where the client's, the server's rules lead; 0: to the sidecar
	permissive         bool   // the server's sidecar lets plaintext in
	anonymous          bool   // the client's sidecar has no certificate
	stranger, imposter bool   // the client's, the server's sidecar is of the other trust domain
	wanted             string // trust domain that the client's sidecar wants of the server; "": any
	nginx              bool   // the sidecars are nginx
}

// mesh is a client and a server with sidecars, and a pod without one.
type mesh struct {
	*lab
	setup
	t                      testing.TB
	client, server, legacy *pod
	service, service6      string // addresses of the service, which nobody has
	out, in                *process
	app                    *process
}

// newMesh starts a mesh of its own addresses on the lab's node.
func (l *lab) newMesh(t testing.TB, s setup) *mesh {
	t.Helper()
	n := l.meshes.Add(1)
	pod := func(name string, host int) *pod {
		return l.node.pod(t, name, fmt.Sprintf("10.77.%d.%d", n, host), fmt.Sprintf("fd77:%d::%d", n, host))
	}
	m := &mesh{lab: l, setup: s, t: t, service: fmt.Sprintf("10.96.%d.10", n), service6: fmt.Sprintf("fd96:%d::10", n)}
	m.client, m.server, m.legacy = pod("checkout", 10), pod("payments", 20), pod("legacy", 30)
	m.app = m.server.start(role("app"), filepath.Join(l.dir, "payments"))
	m.server.await(m.app, appPort)
	m.out = m.proxy(m.client, m.clientSettings())
	m.in = m.proxy(m.server, m.serverSettings())
	m.client.redirect(orElse(s.outbound, outboundPort), inboundPort)
	m.server.redirect(outboundPort, orElse(s.inbound, inboundPort))
	return m
}

func role(name string) []string { return []string{roleVariable + "=" + name} }

// at spells an address with a port.
func at(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func orElse(port, otherwise int) int {
	if port != 0 {
		return port
	}
	return otherwise
}

func (m *mesh) clientSettings() proxySettings {
	s := m.settings(m.stranger, "checkout")
	if s.domain = m.wanted; m.anonymous {
		s.cert, s.key = "", ""
	}
	return s
}

func (m *mesh) serverSettings() proxySettings {
	s := m.settings(m.imposter, "payments")
	s.permissive = m.permissive
	return s
}

func (m *mesh) settings(foreign bool, account string) proxySettings {
	by := m.domain
	if foreign {
		by = m.other
	}
	id := by.workload(m.t, account+"-"+m.service)
	return proxySettings{
		outbound: outboundPort, inbound: inboundPort, cert: id.cert, key: id.key, ca: m.domain.root,
		endpoint: at(m.server.address, appPort),
	}
}

// proxy starts a pod's sidecar and returns once it listens.
func (m *mesh) proxy(p *pod, s proxySettings) *process {
	m.t.Helper()
	var started *process
	if m.nginx {
		started = p.nginx(s)
	} else {
		started = p.start(role("sidecar"), append([]string{filepath.Join(m.dir, "sidecar")}, s.args()...)...)
	}
	p.await(started, s.outbound)
	p.await(started, s.inbound)
	return started
}

func (s proxySettings) args() []string {
	return []string{
		"-outbound", strconv.Itoa(s.outbound), "-inbound", strconv.Itoa(s.inbound), "-cert", s.cert, "-key", s.key, "-ca", s.ca,
		"-endpoint", s.endpoint, "-domain", s.domain, fmt.Sprintf("-permissive=%t", s.permissive),
	}
}

// curl asks a URL from a pod, and returns what came of it.
func (m *mesh) curl(from *pod, url string) string {
	m.t.Helper()
	p := from.start(nil, "curl", "-sSk", "--max-time", "10", "-w", "%{http_code}\n", url)
	p.wait(m.t)
	return p.out.String() + p.err.String()
}
