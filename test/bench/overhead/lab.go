package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
)

// lab is the server and the proxies, each in a cgroup of its own, and places for the client and for what is compared. The measured proxy
// has a processor for itself where there are two; all others share the first.
type lab struct {
	dir     string
	tree    *cgroup.Tree
	cgroup  string // the directory of the cgroup that holds all others
	pki     pki
	log     string // what the proxy's logging ports write
	server  int    // port
	at      map[string]proxyPorts
	proxies map[string]*group
	client  *group
	tool    *group // of what watches

	closers []func() error
}

// Processors, as taskset(1) takes them.
func proxyCPU() string  { return strconv.Itoa(runtime.NumCPU() - 1) }
func othersCPU() string { return "0" }

// newLab starts the server and the proxies of these programs.
func newLab(ctx context.Context, proxies ...string) (_ *lab, err error) {
	l := &lab{at: map[string]proxyPorts{}, proxies: map[string]*group{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := l.place(); err != nil {
		return nil, err
	}
	return l, l.populate(ctx, proxies)
}

// place makes the directory, certificates and cgroups.
func (l *lab) place() (err error) {
	if l.dir, err = os.MkdirTemp("", "tlstrace-overhead-"); err != nil {
		return err
	}
	l.release(func() error { return os.RemoveAll(l.dir) })
	l.log = filepath.Join(l.dir, "proxy.log")
	if l.pki, err = newPKI(l.dir); err != nil {
		return err
	}
	if l.tree, err = cgroup.Open(); err != nil {
		return err
	}
	l.release(l.tree.Close)
	if l.cgroup, err = l.tree.Create(labName); err != nil {
		return err
	}
	for _, one := range []struct {
		name string
		at   **group
	}{{"client", &l.client}, {"tool", &l.tool}} {
		if *one.at, err = l.group(one.name); err != nil {
			return err
		}
	}
	return nil
}

// labName is the cgroup of all others.
const labName = "lab"

func (l *lab) group(name string) (*group, error) {
	g, err := newGroup(l.tree, labName+"/"+name)
	if err != nil {
		return nil, err
	}
	l.release(g.fd.Close)
	return g, nil
}

// populate starts the server and the proxies.
func (l *lab) populate(ctx context.Context, proxies []string) error {
	ports := newPorts()
	if err := ports.all(&l.server); err != nil {
		return err
	}
	server, err := l.group("server")
	if err != nil {
		return err
	}
	if err := l.nginx(ctx, server, othersCPU(), "server", serverConf(l.pki, l.server), l.server); err != nil {
		return err
	}
	for _, name := range proxies {
		var at proxyPorts
		if err := ports.all(&at.lean, &at.keepAlive, &at.logged, &at.handshakes, &at.loggedHandshakes); err != nil {
			return err
		}
		l.at[name] = at
		if err := l.proxy(ctx, name, at); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) proxy(ctx context.Context, name string, at proxyPorts) (err error) {
	if l.proxies[name], err = l.group(name); err != nil {
		return err
	}
	if name == "haproxy" {
		return l.haproxy(ctx, haproxyConf(l.pki, l.server, at), at.keepAlive)
	}
	return l.nginx(ctx, l.proxies[name], proxyCPU(), name, nginxConf(l.pki, l.server, at, l.log), at.keepAlive)
}

func (l *lab) nginx(ctx context.Context, g *group, cpu, name, conf string, port int) error {
	dir := filepath.Join(l.dir, name)
	path := filepath.Join(dir, "nginx.conf")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, []byte(conf), 0o600)); err != nil {
		return err
	}
	return l.serve(ctx, g, cpu, port, "nginx", "-p", dir, "-c", path, "-e", "stderr")
}

func (l *lab) haproxy(ctx context.Context, conf string, port int) error {
	path := filepath.Join(l.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return err
	}
	return l.serve(ctx, l.proxies["haproxy"], proxyCPU(), port, "haproxy", "-db", "-f", path)
}

// serve starts a server and waits until it listens.
func (l *lab) serve(ctx context.Context, g *group, cpu string, port int, argv ...string) error {
	p, err := startIn(g, cpu, argv...)
	if err != nil {
		return err
	}
	l.release(func() error { return p.stop(syscall.SIGTERM) })
	return p.until(ctx, fmt.Sprintf("it listens on %d", port), func() bool {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

// port is where a profile's proxy listens.
func (l *lab) port(p profile, logged bool) int {
	at := l.at[p.proxy]
	switch {
	case p.lean:
		return at.lean
	case p.closes && logged:
		return at.loggedHandshakes
	case p.closes:
		return at.handshakes
	case logged:
		return at.logged
	}
	return at.keepAlive
}

func (l *lab) release(f func() error) { l.closers = append(l.closers, f) }

// Close ends everything, the last first.
func (l *lab) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	l.closers = nil
	return errors.Join(errs...)
}
