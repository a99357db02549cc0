package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/lane"
)

// needRoot skips the test without root; in CI a test that does not run is a failure.
func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("the agent needs root")
	default:
		t.Skip("the agent needs root")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keptRequests is how many requests a proxied connection carries between two looks at the programs.
const keptRequests = 50

// build makes the program, or takes that of TLSTRACE_BIN.
func build(t *testing.T) string {
	t.Helper()
	if binary := os.Getenv("TLSTRACE_BIN"); binary != "" {
		return binary
	}
	binary := filepath.Join(t.TempDir(), "tlstrace")
	if out, err := exec.Command("go", "build", "-o", binary, "../../../cmd/tlstrace").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return binary
}

// TestHealthyTraffic counts what the agent's programs run while requests pass a proxy on connections that are kept, by the agent's own metrics.
func TestHealthyTraffic(t *testing.T) {
	needRoot(t)
	binary := build(t)
	stop, err := lane.EnableStats()
	must(t, err)
	t.Cleanup(stop)
	l, err := newLab(t.Context(), "nginx")
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	for _, s := range agents(binary, "--cgroup", l.cgroup) { // what others do on this machine is none of our packets
		t.Run(s.capture, func(t *testing.T) {
			w, err := s.start(t.Context(), l)
			must(t, err)
			t.Cleanup(func() { must(t, w.close()) })
			c := newKept(t, l)
			if s.capture == "adaptive" {
				must(t, w.until(t.Context(), "it looks at the new containers", func() bool {
					n, err := lookedAt(t.Context(), w.listen)
					return err == nil && n > 0
				}))
			}
			if s.capture == "all" {
				c.seesEveryPacket(t, w)
				return
			}
			c.costsNothing(t, w)
		})
	}
}

// kept is a client with one connection to the proxy, which has one to the server.
type kept struct {
	client *http.Client
	url    string
}

// newKept connects from the client's cgroup.
func newKept(t *testing.T, l *lab) *kept {
	t.Helper()
	cert, err := os.ReadFile(l.pki.cert)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	k := &kept{&http.Client{Transport: transport, Timeout: patience}, fmt.Sprintf("https://127.0.0.1:%d/", l.at["nginx"].keepAlive)}
	must(t, l.tree.Within(l.client.dir, func() error { return k.ask(t.Context(), 1) }))
	return k
}

func (k *kept) ask(ctx context.Context, n int) error {
	for range n {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
		if err != nil {
			return err
		}
		response, err := k.client.Do(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if closed := response.Body.Close(); err != nil || closed != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %w, %w", response.Status, err, closed)
		}
	}
	return nil
}

// during is what programs ran while requests passed, or in a moment without any.
func (k *kept) during(t *testing.T, w *watcher, requests int) counted {
	t.Helper()
	before, err := programs(t.Context(), w.listen)
	must(t, err)
	must(t, k.ask(t.Context(), requests))
	if requests == 0 {
		time.Sleep(time.Second)
	}
	after, err := programs(t.Context(), w.listen)
	must(t, err)
	return newCounted(profile{}, subject{}, since(before, after), lane.Ran{Runs: 1}, max(1, requests))
}

// seesEveryPacket: request and answer are a packet each, on two connections with two ends.
func (k *kept) seesEveryPacket(t *testing.T, w *watcher) {
	c := k.during(t, w, keptRequests)
	if got := c.runs(onPacket); got < 8 {
		t.Errorf("%.2f runs on packets a request, want at least 8: %v", got, c.programs)
	}
	if sent := c.programs["packet_sent"]; sent.ns <= 0 {
		t.Errorf("%s of packet_sent does not grow: %v", runSeconds, c.programs)
	}
}

// costsNothing waits for a time in which nothing runs: the containers have to be known, and others on this machine may shake hands. What ran for
// every request would run at all times.
func (k *kept) costsNothing(t *testing.T, w *watcher) {
	var c counted
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if c = k.during(t, w, keptRequests); c.runs(onPacket) == 0 && c.runs(inLibrary) == 0 {
			return
		}
	}
	if c.runs(onPacket) == 0 && os.Getenv("CI") != "true" && k.during(t, w, 0).runs(inLibrary) > 0 {
		t.Skip("others on this machine shake hands all the time: hits in libraries cannot be told apart")
	}
	t.Errorf("%.2f runs on packets and %.2f hits a request after %s, want none: %v", c.runs(onPacket), c.runs(inLibrary), patience, c.programs)
}
