package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

var refusedAt = time.Date(2026, 10, 9, 10, 5, 0, 0, time.UTC)

// unexplained is what the wire tells of closedEarly: that it was refused, and not why.
const unexplained = event.ServerCertificateRejected

// closedEarly is a failure of which the wire tells no reason, of the pod shop/NAME on node n1, from that port.
func closedEarly(pod string, port uint16) event.Event {
	e := verdict.Judge(event.Event{
		Schema: event.Schema, Time: refusedAt, ObservedFrom: event.FromClient, TLS: &event.TLS{OfferedVersions: []string{"TLS 1.3"}},
		ID: fmt.Sprint(pod, ":", port), TCP: event.TCP{ClosedBy: event.Client, How: event.CloseFIN, ClientBytes: 505, ServerBytes: 2000},
		Records: []event.Record{
			{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 500},
			{From: event.Server, Type: "handshake", Handshake: "server_hello", Length: 118, At: 900},
			{From: event.Server, Type: "application_data", Length: 1800, At: 900},
		},
	})
	e.Client = event.Endpoint{Addr: netip.MustParseAddr("10.244.0.7"), Port: port}
	e.Server = event.Endpoint{Addr: netip.MustParseAddr("10.244.0.9"), Port: 8443}
	e.Client.K8s = &event.K8s{Namespace: "shop", Pod: pod, Container: "istio-proxy", Node: "n1", Sidecar: true}
	return e
}

// accessLine is what containerd writes of Istio's access log of an upstream whose certificate has expired, from that port; "-" if the
// proxy does not tell it.
func accessLine(local string) string {
	const said = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:" +
		"_X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired:TLS_error_end"
	return `2026-10-09T10:05:00.130000001Z stdout F [2026-10-09T10:05:00.010Z] "GET / HTTP/1.1" 503 UF ` +
		`upstream_reset_before_response_started{remote_connection_failure|` + said + `} - "` + said + `" 0 237 12 - "-" "curl/8.11.1" ` +
		`"2f6b0a52-7d2e-9a51-8a0a-2d3e9b6f8f10" "payments.shop" "10.244.0.9:8443" outbound|8443||payments.shop.svc.cluster.local ` +
		local + ` 10.96.0.17:8443 10.244.0.7:40112 - default` + "\n"
}

const healthyLine = `2026-10-09T10:05:00.040000001Z stdout F [2026-10-09T10:05:00.040Z] "GET /TLS_error HTTP/1.1" 200 - via_upstream - "-" ` +
	`0 661 0 0 "-" "curl/8" "d9b68dca" "web:443" "10.244.0.9:8443" outbound|8443||web.shop.svc.cluster.local 10.244.0.7:53209 10.96.0.3:443 ` +
	"10.244.0.12:40062 - default\n"

// podLogPath is where kubelet has the log of the proxy of shop/POD, made to be there.
func podLogPath(t testing.TB, dir, pod string) string {
	t.Helper()
	path := filepath.Join(dir, "shop_"+pod+"_0f6cbb1e-6b65-4a1c-9d0e-5c1f3f1a2b3c", "istio-proxy", "0.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func appendLog(t testing.TB, path string, lines ...string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(strings.Join(lines, ""))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// kept is a sink that keeps events in their order.
type kept struct {
	mu  sync.Mutex
	all []event.Event
}

func (k *kept) Write(e event.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, e)
	return nil
}

func (k *kept) Close() error { return nil }

// came waits until nothing moves, and returns what came so far.
func (k *kept) came() []event.Event {
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all)
}

// inProxyLogs runs a test with a clock that only waiting moves. What the agent says is in said.
func inProxyLogs(t *testing.T, test func(t *testing.T, p *proxyLogs, out *kept, said *bytes.Buffer)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var out kept
		var said bytes.Buffer
		p := newProxyLogs(dir, "n1", &out, slog.New(slog.NewTextHandler(&said, nil)), func(err error) { t.Error(err) })
		defer p.finish(t.Context())
		test(t, p, &out, &said)
		if p.counts.told.Load()+p.counts.silent.Load()+p.counts.full.Load() == 0 && len(out.all) == 0 {
			t.Error("nothing happened")
		}
	})
}

func wantReasons(t *testing.T, came []event.Event, want ...event.Reason) {
	t.Helper()
	var got []event.Reason
	for _, e := range came {
		got = append(got, e.Verdict.Reason)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("came %v, want %v", got, want)
	}
}

func TestProxyLogTellsTheReason(t *testing.T) {
	tests := []struct {
		name   string
		before []string // in the log when the event comes
		after  []string // 700 ms later
		want   event.Reason
	}{
		{"logged before", []string{healthyLine, accessLine("10.244.0.7:51712")}, nil, event.CertificateExpired},
		{"logged after", []string{healthyLine}, []string{healthyLine, accessLine("10.244.0.7:51712")}, event.CertificateExpired},
		{"logged after, in a log that was not there", nil, []string{accessLine("10.244.0.7:51712")}, event.CertificateExpired},
		{"without the client's port", []string{accessLine("-")}, nil, event.CertificateExpired},
		{"of another connection", []string{accessLine("10.244.0.7:51713")}, []string{healthyLine}, unexplained},
		{"not a word", []string{healthyLine}, []string{healthyLine}, unexplained},
		{"no log", nil, nil, unexplained},
		{"the end of the line never comes", []string{strings.TrimSuffix(accessLine("10.244.0.7:51712"), "\n")}, nil, unexplained},
		{"64 KiB of other lines before it", []string{strings.Repeat(healthyLine, 1000), accessLine("10.244.0.7:51712")}, nil, event.CertificateExpired},
		{"64 KiB of other lines after it", []string{accessLine("10.244.0.7:51712"), strings.Repeat(healthyLine, 1000)}, nil, unexplained},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
				path := podLogPath(t, p.dir, "web-1")
				if tt.before != nil {
					appendLog(t, path, tt.before...)
				}
				e := closedEarly("web-1", 51712)
				_ = p.Write(e)
				if early := out.came(); len(early) > 0 && tt.after != nil {
					t.Fatalf("came before it was logged: %+v", early)
				}
				time.Sleep(700 * time.Millisecond)
				if tt.after != nil {
					appendLog(t, path, tt.after...)
				}
				time.Sleep(logHold - 700*time.Millisecond)
				came := out.came()
				wantReasons(t, came, tt.want)
				got := came[0]
				if told := tt.want != unexplained; told != (got.Library != nil) || told != (p.counts.told.Load() == 1) ||
					told != strings.Contains(got.Verdict.Hint, "What the library said is from the log of the proxy in shop/web-1.") {
					t.Errorf("library %+v, hint %q, %d told", got.Library, got.Verdict.Hint, p.counts.told.Load())
				}
				if got.ObservedFrom != event.FromClient || got.ID != e.ID || got.Client != e.Client {
					t.Errorf("what was seen became %+v", got)
				}
			})
		})
	}
}

func TestProxyLogThatWasLeftAloneIsReadFromNearItsEnd(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		path := podLogPath(t, p.dir, "web-1")
		appendLog(t, path, accessLine("10.244.0.7:1"))
		_ = p.Write(closedEarly("web-1", 1))
		out.came()
		time.Sleep(followPoll)
		synctest.Wait() // nobody reads any more
		appendLog(t, path, accessLine("10.244.0.7:2"), strings.Repeat(healthyLine, 1000), accessLine("10.244.0.7:3"))
		_ = p.Write(closedEarly("web-1", 2))
		_ = p.Write(closedEarly("web-1", 3))
		time.Sleep(logHold)
		wantReasons(t, out.came(), event.CertificateExpired, event.CertificateExpired, unexplained)
		if n := p.counts.skipped.Load(); n > 1000 {
			t.Errorf("%d bytes are counted as skipped, which nobody wanted", n)
		}
	})
}

func TestProxyLogHoldsUpNothingElse(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		told := closedEarly("web-1", 1)
		told.Verdict.Reason = event.UnknownCA
		for _, e := range []event.Event{closedEarly("web-1", 2), told, {Outcome: event.Succeeded}} {
			_ = p.Write(e)
		}
		wantReasons(t, out.came(), event.UnknownCA, "")
		time.Sleep(logHold - time.Millisecond)
		wantReasons(t, out.came(), event.UnknownCA, "")
		time.Sleep(time.Millisecond)
		wantReasons(t, out.came(), event.UnknownCA, "", unexplained)
	})
}

func TestProxyLogTellsEachOfManyItsOwn(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		path := podLogPath(t, p.dir, "web-1")
		for port := range uint16(100) {
			_ = p.Write(closedEarly("web-1", 40_000+port))
		}
		if n := len(out.came()); n > 0 {
			t.Fatalf("%d came before anything was logged", n)
		}
		for port := 0; port < 100; port += 2 {
			appendLog(t, path, accessLine(fmt.Sprint("10.244.0.7:", 40_000+port)))
		}
		time.Sleep(logHold)
		for _, e := range out.came() {
			if told := e.Verdict.Reason == event.CertificateExpired; told != (e.Client.Port%2 == 0) {
				t.Errorf("port %d: %s", e.Client.Port, e.Verdict.Reason)
			}
		}
		if told, silent := p.counts.told.Load(), p.counts.silent.Load(); told != 50 || silent != 50 {
			t.Errorf("%d told, %d not, want 50 of each", told, silent)
		}
	})
}

func TestProxyLogHoldsSoManyAtMost(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		for n := range maxHeld + 10 {
			_ = p.Write(closedEarly(fmt.Sprint("web-", n%8), uint16(n)))
		}
		if n := len(out.came()); n != 10 || p.counts.full.Load() != 10 {
			t.Errorf("%d passed at once, %d counted, want 10", n, p.counts.full.Load())
		}
		time.Sleep(logHold)
		seen := map[string]int{}
		for _, e := range out.came() {
			seen[e.ID]++
		}
		if len(seen) != maxHeld+10 || len(out.all) != maxHeld+10 {
			t.Errorf("%d events came, %d different ones, want %d", len(out.all), len(seen), maxHeld+10)
		}
	})
}

func TestProxyLogLeavesRoomForOtherPods(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		for n := range maxHeld {
			_ = p.Write(closedEarly("web-1", uint16(n)))
		}
		_ = p.Write(closedEarly("web-2", 1))
		for _, e := range out.came() {
			if e.Client.K8s.Pod != "web-1" {
				t.Errorf("an event of %s did not wait", e.Client.K8s.Pod)
			}
		}
		if n := p.counts.full.Load(); n != maxHeld-maxWaiters {
			t.Errorf("%d found no room, want %d", n, maxHeld-maxWaiters)
		}
	})
}

func TestProxyLogFollowsSoManyAtMost(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		followed := func() int {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.followers)
		}
		for n := range maxFollowers + 3 {
			_ = p.Write(closedEarly(fmt.Sprint("web-", n), 1))
		}
		if n := len(out.came()); n != 3 || followed() != maxFollowers {
			t.Errorf("%d passed at once, want 3; %d logs are followed", n, followed())
		}
		time.Sleep(logHold)
		synctest.Wait() // nothing waits any more
		path := podLogPath(t, p.dir, "late")
		appendLog(t, path, accessLine("10.244.0.7:1"))
		_ = p.Write(closedEarly("late", 1)) // takes the place of one that nothing needs
		came := out.came()
		if last := came[len(came)-1]; last.Verdict.Reason != event.CertificateExpired || followed() != maxFollowers {
			t.Errorf("came %+v; %d logs are followed", last.Verdict, followed())
		}
		time.Sleep(followIdle + followPoll)
		if n := followed(); n != 0 {
			t.Errorf("after a minute without need %d logs are followed", n)
		}
	})
}

func TestProxyLogAsksBothEnds(t *testing.T) {
	for _, teller := range []string{"web-1", "db-0"} {
		t.Run(teller, func(t *testing.T) {
			inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
				e := closedEarly("web-1", 51712)
				e.Server.K8s = &event.K8s{Namespace: "shop", Pod: "db-0", Node: "n1", Sidecar: true}
				for _, pod := range []string{"web-1", "db-0"} {
					appendLog(t, podLogPath(t, p.dir, pod), healthyLine)
				}
				_ = p.Write(e)
				synctest.Wait()
				appendLog(t, podLogPath(t, p.dir, teller), accessLine("10.244.0.7:51712"))
				time.Sleep(followPoll)
				came := out.came()
				wantReasons(t, came, event.CertificateExpired)
				if !strings.Contains(came[0].Verdict.Hint, "shop/"+teller) {
					t.Errorf("hint %q", came[0].Verdict.Hint)
				}
			})
		})
	}
}

func TestProxyLogPrefersTheLineThatKnowsThePort(t *testing.T) {
	other := strings.ReplaceAll(accessLine("-"), "certificate_has_expired", "certificate_is_not_yet_valid")
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		appendLog(t, podLogPath(t, p.dir, "web-1"), other, accessLine("10.244.0.7:51712"), other)
		_ = p.Write(closedEarly("web-1", 51712))
		wantReasons(t, out.came(), event.CertificateExpired)
	})
}

func TestProxyLogLetsAllGoWhenThereIsNoMoreTime(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, _ *bytes.Buffer) {
		begun := time.Now()
		for n := range 5 {
			_ = p.Write(closedEarly("web-1", uint16(n)))
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.finish(soon)
		if n := len(out.came()); n != 5 || time.Since(begun) != time.Second {
			t.Errorf("%d came after %s", n, time.Since(begun))
		}
	})
}

func TestProxyLogTellsOnceThatNothingCanBeRead(t *testing.T) {
	inProxyLogs(t, func(t *testing.T, p *proxyLogs, out *kept, said *bytes.Buffer) {
		p.dir = filepath.Join(p.dir, "absent")
		for range 3 {
			for n := range 3 {
				_ = p.Write(closedEarly(fmt.Sprint("web-", n), 1))
			}
			time.Sleep(logHold)
		}
		if n := len(out.came()); n != 9 || p.counts.silent.Load() != 9 {
			t.Errorf("%d came, %d counted, want 9", n, p.counts.silent.Load())
		}
		if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "the directory of the pods' logs cannot be read") {
			t.Errorf("said:\n%s", text)
		}
		if p.counts.unreadable.Load() < 9 {
			t.Errorf("counted %d times, want each", p.counts.unreadable.Load())
		}
	})
}

func TestWithoutProxyLogsThereIsNothingToFinish(t *testing.T) {
	var none *proxyLogs
	none.finish(t.Context())
}
