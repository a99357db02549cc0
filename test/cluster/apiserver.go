package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// startAPIServer starts it with the address, keys and tokens of this cluster.
func (c *Cluster) startAPIServer(ctx context.Context) error {
	argv := append([]string{filepath.Join(c.binaries, "kube-apiserver")}, c.flags()...)
	var err error
	if c.apiServer, err = startProcess(filepath.Join(c.Dir, "kube-apiserver.log"), argv...); err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return err
	}
	return waitReady(ctx, c.apiServer, func(ctx context.Context) error { return get(ctx, client, c.Config.Host+"/readyz") })
}

func (c *Cluster) flags() []string {
	flags := []string{
		"--etcd-servers=" + c.url("http", c.etcdPort),
		"--bind-address=" + c.address.String(),
		"--advertise-address=" + c.address.String(),
		"--endpoint-reconciler-type=none", // loopback is no address that the API accepts in an Endpoints
		fmt.Sprintf("--secure-port=%d", c.port),
		"--tls-cert-file=" + c.pki.cert, "--tls-private-key-file=" + c.pki.key, "--client-ca-file=" + c.pki.ca,
		"--token-auth-file=" + c.tokenFile(),
		"--authorization-mode=Node,RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + c.pki.accountKey, "--service-account-key-file=" + c.pki.publicKey,
		"--service-cluster-ip-range=" + serviceRange,
		"--disable-admission-plugins=ServiceAccount", // no controller makes the accounts that it insists on
		"--allow-privileged=true",
		"--audit-policy-file=" + c.auditPolicyFile(), "--audit-log-path=" + c.auditLog(),
	}
	return append(flags, c.extra...)
}

// StopAPIServer ends the API server gracefully (SIGTERM). Its data, address and keys are kept.
func (c *Cluster) StopAPIServer(t testing.TB) {
	t.Helper()
	must(t, c.apiServer.end(syscall.SIGTERM, serverTime))
}

// KillAPIServer kills the API server (SIGKILL): the kernel closes its connections with what was unread.
func (c *Cluster) KillAPIServer(t testing.TB) {
	t.Helper()
	must(t, c.apiServer.end(syscall.SIGKILL, serverTime))
}

// StartAPIServer starts the API server again at the address that it had, and returns when it is ready.
func (c *Cluster) StartAPIServer(t testing.TB) {
	t.Helper()
	if c.apiServer.running() {
		t.Fatal("the API server is running")
	}
	must(t, c.startAPIServer(t.Context()))
}

// PauseAPIServer stops the API server from running (SIGSTOP): its connections stay open, new ones are accepted by the kernel,
// and nothing is answered until ResumeAPIServer. That is how one that is overloaded beyond hope looks to its clients.
func (c *Cluster) PauseAPIServer(t testing.TB) {
	t.Helper()
	must(t, syscall.Kill(c.apiServer.pid, syscall.SIGSTOP))
}

// ResumeAPIServer undoes PauseAPIServer.
func (c *Cluster) ResumeAPIServer(t testing.TB) {
	t.Helper()
	must(t, syscall.Kill(c.apiServer.pid, syscall.SIGCONT))
}

// waitReady returns when the check of a server succeeds, and with an error when the server ends or takes too long.
func waitReady(ctx context.Context, p *process, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil && p.running() {
			return nil
		}
		select {
		case <-p.done:
			if strings.Contains(p.tail(), "address already in use") {
				return fmt.Errorf("%w: %s", errTaken, p.tail())
			}
			return fmt.Errorf("%s: the server ended:\n%s", filepath.Base(p.log), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s: the server is not ready: %w:\n%s", filepath.Base(p.log), err, p.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// get asks for a page and returns an error unless the answer is 200.
func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return nil
}

// must fails the test if there is an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
