package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// serverTime bounds the start and the graceful end of a server: seconds, on a machine that does nothing else.
const serverTime = 90 * time.Second

// errTaken says that a server ended because somebody else has its port.
var errTaken = errors.New("the port is taken")

// startEtcd keeps the data of an earlier start.
func (c *Cluster) startEtcd(ctx context.Context) error {
	client, peer := c.url("http", c.etcdPort), c.url("http", c.peerPort)
	var err error
	c.etcd, err = startProcess(filepath.Join(c.Dir, "etcd.log"), filepath.Join(c.binaries, "etcd"),
		"--name=test", "--data-dir="+c.etcdData(),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=test="+peer,
		"--unsafe-no-fsync", // a crash of the machine may cost the data; a crash of etcd does not
		"--log-level=warn")
	if err != nil {
		return err
	}
	return waitReady(ctx, c.etcd, func(ctx context.Context) error { return get(ctx, http.DefaultClient, client+"/health") })
}

func (c *Cluster) etcdData() string { return filepath.Join(c.Dir, "etcd") }

func (c *Cluster) url(scheme string, port uint16) string {
	return fmt.Sprintf("%s://%s", scheme, netip.AddrPortFrom(c.address, port))
}

// StopEtcd ends etcd gracefully. Its data and its port are kept.
func (c *Cluster) StopEtcd(t testing.TB) {
	t.Helper()
	must(t, c.etcd.end(syscall.SIGTERM, serverTime))
}

// KillEtcd kills etcd (SIGKILL). Its data and its port are kept.
func (c *Cluster) KillEtcd(t testing.TB) {
	t.Helper()
	must(t, c.etcd.end(syscall.SIGKILL, serverTime))
}

// StartEtcd starts etcd again, on the data that it had, and returns when it answers. The API server connects to it by itself.
func (c *Cluster) StartEtcd(t testing.TB) {
	t.Helper()
	if c.etcd.running() {
		t.Fatal("etcd is running")
	}
	must(t, c.startEtcd(t.Context()))
}
