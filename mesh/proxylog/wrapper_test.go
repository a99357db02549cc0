package proxylog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
)

const failedLine = `[2026-10-09T06:48:34.040Z] "GET / HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - ` +
	`"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end" 0 95 3 - "-" "curl/8" "id" "web" ` +
	`"10.244.0.13:8443" outbound|8443||web.shop.svc.cluster.local 10.244.0.7:53209 10.96.0.3:443 10.244.0.12:40062 - default`

// TestPartsAreBounded joins a line of more parts than may be: it is dropped and counted, and the next is read.
func TestPartsAreBounded(t *testing.T) {
	var log strings.Builder
	part := strings.Repeat("x", 16<<10)
	for range proxylog.MaxLine/len(part) + 2 {
		fmt.Fprintf(&log, "2026-10-09T06:48:34.040000001Z stdout P %s\n", part)
	}
	fmt.Fprintf(&log, "2026-10-09T06:48:34.040000001Z stdout F %s\n", failedLine)
	fmt.Fprintf(&log, "2026-10-09T06:48:35.040000001Z stdout F %s\n", failedLine)
	events, stats := readAll(t, strings.NewReader(log.String()), proxylog.Options{})
	if len(events) != 1 || stats.TooLong != 1 {
		t.Errorf("%d events, %+v", len(events), stats)
	}
}

// TestLinesAreBounded reads a line that is too long, also one without an end.
func TestLinesAreBounded(t *testing.T) {
	long := strings.Repeat("TLS_error:|", proxylog.MaxLine/10)
	events, stats := readAll(t, strings.NewReader(long+"\n"+failedLine+"\n"+long), proxylog.Options{})
	if len(events) != 1 || stats.TooLong != 2 || stats.Lines != 3 {
		t.Errorf("%d events, %+v", len(events), stats)
	}
}

// TestEveryCut cuts a CRI line in two parts at every place, also within the words that are looked for.
func TestEveryCut(t *testing.T) {
	for cut := range len(failedLine) {
		log := "2026-10-09T06:48:34.1Z stdout P " + failedLine[:cut] + "\n2026-10-09T06:48:34.2Z stdout F " + failedLine[cut:] + "\n"
		if events, _ := readAll(t, strings.NewReader(log), proxylog.Options{}); len(events) != 1 || events[0].Server.Port != 8443 {
			t.Fatalf("cut at %d: %+v", cut, events)
		}
	}
}

// TestPod gives the proxy's own end the pod of the file.
func TestPod(t *testing.T) {
	pod := proxylog.PodOf("/var/log/pods/shop_web-7d4b9c6f5-x2x1z_0c1d/istio-proxy/0.log")
	want := event.K8s{Namespace: "shop", Pod: "web-7d4b9c6f5-x2x1z", Container: "istio-proxy", Sidecar: true}
	if pod == nil || *pod != want {
		t.Fatalf("pod %+v", pod)
	}
	link := proxylog.PodOf("/var/log/containers/web-7d4b9c6f5-x2x1z_shop_istio-proxy-0123456789abcdef.log")
	if link == nil || *link != want {
		t.Errorf("by the link: %+v", link)
	}
	for _, path := range []string{"access.log", "/var/log/envoy/access.log", "/a/b_c/d/e.log", ""} {
		if got := proxylog.PodOf(path); got != nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
	events, _ := readAll(t, strings.NewReader(failedLine), proxylog.Options{Pod: pod})
	if len(events) != 1 || events[0].Client.K8s == nil || *events[0].Client.K8s != want || events[0].Server.K8s.Service != "web" {
		t.Errorf("%+v", events)
	}
}

// TestFormat reads a text access log by its format string.
func TestFormat(t *testing.T) {
	const text = `%START_TIME% [%DOWNSTREAM_REMOTE_ADDRESS%] sni=%REQUESTED_SERVER_NAME% agent="%REQ(USER-AGENT)%" 100%% ` +
		`%DOWNSTREAM_TRANSPORT_FAILURE_REASON% %DOWNSTREAM_LOCAL_ADDRESS%\n`
	format, err := proxylog.NewFormat(text)
	if err != nil {
		t.Fatal(err)
	}
	line := `2026-10-09T06:48:34.040Z [203.0.113.7:50312] sni=outbound_.8443_.v1_.web.shop.svc.cluster.local agent="x y" 100% ` +
		`TLS_error:|268435640:SSL routines:OPENSSL_internal:NO_SHARED_CIPHER:TLS_error_end [2001:db8::1]:8443`
	if events, stats := readAll(t, strings.NewReader(line), proxylog.Options{}); len(events) != 0 || stats.Unknown != 1 {
		t.Errorf("without the format: %+v, %+v", events, stats)
	}
	events, _ := readAll(t, strings.NewReader(line), proxylog.Options{Formats: []*proxylog.Format{format}})
	if len(events) != 1 || events[0].Client.Port != 50312 || events[0].Server.Addr.String() != "2001:db8::1" ||
		events[0].Mesh == nil || events[0].Mesh.Subset != "v1" || events[0].Verdict.GaveUp != event.Server {
		t.Errorf("with the format: %+v", events)
	}
	forged := `2026-10-09T06:48:34.040Z [203.0.113.7:50312] sni=- agent="x" 100% TLS_error:|268435640:a:b:C:TLS_error_end [::1]:1" 100% - [::1]:2`
	if events, _ := readAll(t, strings.NewReader(forged), proxylog.Options{Formats: []*proxylog.Format{format}}); len(events) != 0 {
		t.Errorf("a quote in a header made the event %+v", events)
	}
	for _, bad := range []string{"", "no operator", strings.Repeat("%RESPONSE_FLAGS%", 2000)} {
		if _, err := proxylog.NewFormat(bad); err == nil {
			t.Errorf("%.20q is taken for a format", bad)
		}
	}
}

// TestReadError passes the error of the input on.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	log := proxylog.NewReader(io.MultiReader(strings.NewReader(failedLine+"\n"), &failing{broken}), proxylog.Options{})
	if _, err := log.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Next(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "after line 1") {
		t.Errorf("%v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzReader feeds anything to every format. It must neither fail nor tell what no terminal may get; nor may the wrapper of a line change
// what is told.
func FuzzReader(f *testing.F) {
	f.Add([]byte(failedLine))
	f.Add([]byte(`{"log":"x\n","stream":"stdout","time":"2026-10-09T06:48:34.040000001Z"}`))
	f.Add([]byte("2026-01-01T00:00:00Z stdout P a\n2026-01-01T00:00:00Z stdout F b"))
	f.Add([]byte("2025-04-13T01:33:51.805055Z\twarn\taccess\tconnection failed\tsrc.addr=[::1]:1 error=\"tls handshake error: Os { code: 104 }\""))
	f.Add([]byte(`[2025-03-05 07:22:38.631][15][debug][connection] [a.cc:1] [Tags: "ConnectionId":"1"] remote address:1.2.3.4:5,TLS_error:|268435581`))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, stats := readAll(t, bytes.NewReader(text), proxylog.Options{})
		if uint64(len(events)) != stats.Failures || stats.Failures > stats.Lines || stats.Bytes != uint64(len(text)) {
			t.Errorf("%d events, %+v of %d bytes", len(events), stats, len(text))
		}
		for _, e := range events {
			if e.Outcome != event.Failed && e.Outcome != event.Undecided || e.ObservedFrom != event.FromLog {
				t.Errorf("%+v", e)
			}
		}
	})
}
