package others

import (
	"os"
	"reflect"
	"testing"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/test/scenarios"
)

// Lines that the tools printed while scenarios were played.
const (
	clearAlert     = "1795471043.123456789\t\t::1\t53610\t\t::1\t443\t45\tAlert (Level: Fatal, Description: Certificate Expired)"
	encryptedAlert = "1795471044.500000000\t127.0.0.1\t\t443\t127.0.0.1\t\t38122\t\tEncrypted Alert"
	closing        = "1795471045.000000001\t127.0.0.1\t\t38122\t127.0.0.1\t\t443\t0\tAlert (Level: Warning, Description: Close Notify)"
)

func TestLinesAreRead(t *testing.T) {
	for _, row := range []struct {
		name, tool, line string
		want             Line
	}{
		{"alert in clear", "tshark", clearAlert, Line{
			At: 1795471043123456789, Text: "client: Alert (Level: Fatal, Description: Certificate Expired)", Told: true, Ends: true,
			Reasons: []event.Reason{event.CertificateExpired, event.CertificateNotYetValid},
		}},
		{"encrypted alert", "tshark", encryptedAlert, Line{At: 1795471044500000000, Text: "server: Encrypted Alert", Ends: true}},
		{"close_notify", "tshark", closing, Line{
			At: 1795471045000000001, Text: "client: Alert (Level: Warning, Description: Close Notify)", Ends: true,
		}},
		{
			"reset by a client", "bpftrace", "43425621340      101    curl             RST 127.0.0.1 0 > 127.0.0.1 443",
			Line{
				At: 43425621340, Process: "curl", Text: "curl: RST 127.0.0.1:0 > 127.0.0.1:443", Told: true,
				Reasons: []event.Reason{event.ResetByClient},
			},
		},
		{
			"reset by a server", "bpftrace", "7                101    node MainThread  RST ::1 443 > ::1 38112",
			Line{
				At: 7, Process: "node MainThread", Text: "node MainThread: RST ::1:443 > ::1:N", Told: true, Ends: true,
				Reasons: []event.Reason{event.ResetByServer},
			},
		},
		{
			"call", "bpftrace", "45981470750      121    openssl          SSL_get_error(ret=-1)",
			Line{At: 45981470750, Process: "openssl", Text: "openssl: SSL_get_error(ret=-1)"},
		},
		{
			"error", "bpftrace", "46004249920      120    openssl          SSL_get_error = 1",
			Line{At: 46004249920, Process: "openssl", Text: "openssl: SSL_get_error = 1 (SSL_ERROR_SSL)", Told: true},
		},
		{
			"progress", "bpftrace", "86335712100      153    nginx            SSL_get_error = 2",
			Line{At: 86335712100, Process: "nginx", Text: "nginx: SSL_get_error = 2"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			lines := find(t, row.tool).Lines(row.line + "\n")
			if len(lines) != 1 || !reflect.DeepEqual(lines[0], row.want) {
				t.Errorf("got %+v, want %+v", lines, row.want)
			}
		})
	}
}

func TestWhatIsNoFindingIsLeftOut(t *testing.T) {
	for _, text := range []string{
		"", "Attaching 4 probes...", "NSECS            PID    COMM             WHAT", "a\tb", "x.y\t\t\t\t\t\t\t\t",
		"99999999999999999999999 1 x RST 1.1.1.1 1 > 1.1.1.1 443", "1 1 x RST nowhere", "1 1 x SSL_get_error",
	} {
		for _, tool := range Tools() {
			if lines := tool.Lines(text); len(lines) != 0 {
				t.Errorf("%s: %q is read as %+v", tool.Name, text, lines)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	expired := scenarios.Truth{Reasons: []event.Reason{event.CertificateExpired}}
	inside := Window{Began: Instant{Wall: 1795471043e9}, Ended: Instant{Wall: 1795471046e9}}
	for _, row := range []struct {
		name   string
		truth  scenarios.Truth
		output string
		want   Result
	}{
		{"right reason", expired, clearAlert, Result{Told: true, Right: true, Pods: true, Lines: 1}},
		{"another reason", scenarios.Truth{Reasons: []event.Reason{event.UnknownCA}}, clearAlert, Result{Told: true, Pods: true, Lines: 1}},
		{"nothing", expired, "", Result{}},
		{"nothing that tells it from a healthy connection", expired, encryptedAlert, Result{Lines: 1}},
		{"false alarm", scenarios.Truth{Certainty: scenarios.Never}, clearAlert, Result{Told: true, Pods: true, Lines: 1}},
		{"healthy", scenarios.Truth{Certainty: scenarios.Never}, closing + "\n" + encryptedAlert, Result{Right: true, Lines: 2}},
		{"undecidable", scenarios.Truth{Certainty: scenarios.May}, "", Result{Right: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			tool := find(t, "tshark")
			got := tool.Judge(scenarios.Scenario{Truth: row.truth}, inside, tool.Lines(row.output))
			got.Tool, got.Reason = "", ""
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestLinesOfOtherTimesAreNotCounted(t *testing.T) {
	tool := find(t, "tshark")
	w := Window{Began: Instant{Wall: 1795471043e9}, Ended: Instant{Wall: 1795471044e9}}
	r := tool.Judge(scenarios.Scenario{}, w, tool.Lines(clearAlert+"\n"+encryptedAlert+"\n"+closing))
	if r.Lines != 1 {
		t.Errorf("%d lines, want the first of the three", r.Lines)
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	path := t.TempDir() + "/results.json"
	want := Results{Tools: map[string]string{"tshark": "4.0"}, Results: []Result{
		{Scenario: "a/b", Tool: "tshark", Told: true, Reason: `curl: RST ::1:0 > ::1:443; "quoted"`, Lines: 2},
		{Scenario: "c", Tool: "tshark"},
	}}
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResults(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if _, err := ReadResults(path + ".absent"); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}
