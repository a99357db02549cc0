// Package cluster starts a real Kubernetes control plane for a test: etcd and kube-apiserver, on loopback, without containers,
// root or anything but Go. There are no controllers, no scheduler and no kubelet: the test makes what they would have made (see
// Workload), and nothing changes behind its back.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// serviceRange is where the cluster IPs of services come from.
const serviceRange = "10.96.0.0/16"

// Cluster is a running API server with its etcd.
type Cluster struct {
	Config     *rest.Config         // of Admin; without a rate limit in the client
	Kubeconfig string               // path of a file that says the same
	Client     kubernetes.Interface // of Admin
	Dir        string               // logs, keys and data; removed with the test

	address                  netip.Addr
	port, etcdPort, peerPort uint16
	binaries                 string
	extra                    []string
	pki                      pki
	etcd, apiServer          *process
	pods                     atomic.Uint32 // addresses given to pods so far
}

// Start starts a cluster and ends it with the test. It takes about five seconds and 500 MB; the first time on a machine the
// servers are built, which takes minutes. Where they cannot be built the test is skipped, but in CI it fails.
//
// flags are added to those of the API server.
func Start(t testing.TB, flags ...string) *Cluster {
	t.Helper()
	ctx, cancel := beforeTimeout(t)
	defer cancel()
	c, err := Open(ctx, t.TempDir(), flags...)
	if errors.Is(err, ErrUnavailable) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of etcd.log:\n%s\nthe end of kube-apiserver.log:\n%s", c.etcd.tail(), c.apiServer.tail())
		}
		c.Close()
	})
	return c
}

// beforeTimeout ends before go test -timeout does, which would tell no reason.
func beforeTimeout(t testing.TB) (context.Context, context.CancelFunc) {
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if at, limited := d.Deadline(); limited {
			return context.WithDeadline(t.Context(), at.Add(-10*time.Second))
		}
	}
	return context.WithCancel(t.Context())
}

// Open is Start for callers that have no test yet, such as TestMain. The caller removes dir after Close.
func Open(ctx context.Context, dir string, flags ...string) (*Cluster, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	building, cancel := context.WithTimeout(ctx, BuildTime)
	defer cancel()
	binaries, err := Binaries(building, cache)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir, address: netip.AddrFrom4([4]byte{127, 0, 0, 1}), binaries: binaries, extra: flags}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.launch(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// prepare writes the files that do not depend on a port.
func (c *Cluster) prepare() (err error) {
	if c.pki, err = writePKI(c.Dir, c.address); err != nil {
		return fmt.Errorf("write keys and certificates: %w", err)
	}
	if err := os.WriteFile(c.auditPolicyFile(), []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	return c.writeTokens()
}

// launch starts the servers, on other ports if somebody was faster to take the first ones.
func (c *Cluster) launch(ctx context.Context) (err error) {
	for range 3 {
		if err = c.launchOnce(ctx); !errors.Is(err, errTaken) {
			break
		}
		c.Close()
		if err := os.RemoveAll(c.etcdData()); err != nil { // it remembers its address
			return err
		}
	}
	return err
}

func (c *Cluster) launchOnce(ctx context.Context) (err error) {
	for _, port := range []*uint16{&c.port, &c.etcdPort, &c.peerPort} {
		if *port, err = freePort(c.address); err != nil {
			return err
		}
	}
	if err := c.connect(); err != nil {
		return err
	}
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	return c.startAPIServer(ctx)
}

// connect prepares the clients; they connect when they are used.
func (c *Cluster) connect() (err error) {
	c.Config = c.ConfigOf(Admin)
	c.Kubeconfig = filepath.Join(c.Dir, "kubeconfig")
	if err := writeKubeconfig(c.Kubeconfig, c.Config); err != nil {
		return err
	}
	typed := rest.CopyConfig(c.Config)
	typed.ContentType = runtime.ContentTypeProtobuf // half the work for both sides; custom resources have JSON only
	c.Client, err = kubernetes.NewForConfig(typed)
	return err
}

// Close kills the servers: nothing of them is needed afterwards.
func (c *Cluster) Close() {
	for _, p := range []*process{c.apiServer, c.etcd} {
		_ = p.end(syscall.SIGKILL, 10*time.Second) // cannot fail to be killed
	}
}
