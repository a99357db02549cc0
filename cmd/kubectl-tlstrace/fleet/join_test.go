package fleet

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/verdict"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// seen is an event of one end; ids of the same number are of the same connection, whatever the port.
func seen(from event.Vantage, node string, number, port byte) event.Event {
	return event.Event{
		Schema: event.Schema, Time: noon, Node: node, Outcome: event.Failed, ObservedFrom: from,
		ID: hex.EncodeToString([]byte{1, 2, 3, number, 5, 6, 7, 8, 0x90, port}),
	}
}

func never(*event.Event, string) bool { return false }

func TestJoin(t *testing.T) {
	client, server := seen(event.FromClient, "a", 1, 1), seen(event.FromServer, "b", 1, 1)
	natted, other := seen(event.FromServer, "b", 1, 2), seen(event.FromServer, "b", 2, 1)
	succeeded, sameEnd, sameNode := server, seen(event.FromClient, "b", 1, 1), seen(event.FromServer, "a", 1, 1)
	succeeded.Outcome = event.Succeeded
	halfOpen := [2]event.Event{client, server}
	for i := range halfOpen {
		halfOpen[i].ID = "0102030400000000abcd"
	}
	cookies := [2]event.Event{client, server}
	for i := range cookies {
		cookies[i].ID = "0000000000000001"
	}
	for _, c := range []struct {
		name  string
		first event.Event
		then  event.Event
		want  int // events that are told
	}{
		{"both ends", client, server, 1},
		{"both ends, the server's first", server, client, 1},
		{"a port that NAT changed", client, natted, 1},
		{"two connections", client, other, 2},
		{"ends that do not agree", client, succeeded, 2},
		{"the same end twice", client, sameEnd, 2},
		{"both ends from one node", client, sameNode, 2},
		{"connections that were never established", halfOpen[0], halfOpen[1], 2},
		{"ids that only one node knows", cookies[0], cookies[1], 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJoiner(time.Second, never)
			j.add(c.first, c.first.Node, noon)
			j.add(c.then, c.then.Node, noon)
			j.flush()
			var got []event.Vantage
			for e, ok := j.next(); ok; e, ok = j.next() {
				got = append(got, e.ObservedFrom)
			}
			if len(got) != c.want || (got[0] == event.FromBoth) != (c.want == 1) {
				t.Errorf("told from %v", got)
			}
		})
	}
}

func TestHalfThatComesLateIsLeftOut(t *testing.T) {
	j := newJoiner(time.Second, never)
	j.add(seen(event.FromClient, "a", 1, 1), "a", noon)
	if _, ok := j.next(); ok {
		t.Error("it does not wait for the other node")
	}
	due, ok := j.due()
	if !ok || due != noon.Add(time.Second) {
		t.Errorf("due at %v, %v", due, ok)
	}
	j.expire(due)
	if e, ok := j.next(); !ok || e.ObservedFrom != event.FromClient {
		t.Errorf("told from %q, %v", e.ObservedFrom, ok)
	}
	j.add(seen(event.FromServer, "b", 1, 1), "b", due)
	j.flush()
	if _, ok := j.next(); ok || j.stats.Late != 1 {
		t.Errorf("it is told twice: %+v", j.stats)
	}
	repeats := seen(event.FromServer, "b", 1, 1)
	repeats.Repeated, repeats.Time = 7, noon.Add(time.Minute)
	j.add(repeats, "b", due)
	j.flush()
	if e, ok := j.next(); !ok || e.Repeated != 7 {
		t.Error("repeats that nobody else told of are lost")
	}
}

func TestDuplicateIsToldOnce(t *testing.T) {
	j := newJoiner(time.Second, never)
	e := seen(event.FromBoth, "a", 1, 1)
	for range 3 {
		j.add(e, "a", noon)
	}
	n := 0
	for _, ok := j.next(); ok; _, ok = j.next() {
		n++
	}
	if n != 1 || j.stats.Duplicate != 2 {
		t.Errorf("told %d times, %+v", n, j.stats)
	}
}

func TestNobodyElseCanTell(t *testing.T) {
	j := newJoiner(time.Second, func(*event.Event, string) bool { return true })
	j.add(seen(event.FromClient, "a", 1, 1), "a", noon)
	if _, ok := j.next(); !ok {
		t.Error("it waits in vain")
	}
}

func TestWaitingIsBounded(t *testing.T) {
	j := newJoiner(time.Second, never)
	for i := range maxWaiting + 10 {
		e := seen(event.FromClient, "a", 1, 1)
		e.ID = fmt.Sprintf("%08x%08x0001", i+1, i+1)
		j.add(e, "a", noon)
	}
	if len(j.waiting) != maxWaiting || len(j.ready) != 10 {
		t.Errorf("%d wait, %d are told", len(j.waiting), len(j.ready))
	}
	r := newRecent[int](3)
	for i := range 10 {
		r.add(i)
	}
	if len(r.set) != 3 || r.has(6) || !r.has(7) || !r.has(9) {
		t.Errorf("remembers %v", r.set)
	}
}

func TestMergeTakesFromEachEndWhatItKnows(t *testing.T) {
	code := uint8(48)
	client, server := seen(event.FromClient, "a", 1, 1), seen(event.FromServer, "b", 1, 2)
	client.Client = event.Endpoint{Addr: netip.MustParseAddr("10.0.1.5"), Port: 40001, Process: &event.Process{PID: 7, Comm: "curl"},
		K8s: &event.K8s{Namespace: "shop", Pod: "checkout-1", Container: "app", Workload: "checkout"}}
	client.Server = event.Endpoint{Addr: netip.MustParseAddr("10.96.0.9"), Port: 443, K8s: &event.K8s{Namespace: "shop", Service: "payments"}}
	server.Client = event.Endpoint{Addr: netip.MustParseAddr("192.0.2.1"), Port: 50002}
	server.Server = event.Endpoint{Addr: netip.MustParseAddr("10.0.2.6"), Port: 8443, Process: &event.Process{PID: 9, Comm: "envoy"},
		K8s: &event.K8s{Namespace: "shop", Pod: "payments-1", Workload: "payments"}}
	client.TLS, server.TLS = &event.TLS{SNI: "payments"}, &event.TLS{Version: "TLS 1.3", SNI: "payments"}
	client.Library = &event.Library{Name: "openssl", Side: event.Client, ErrorCode: 134, ErrorText: "CERTIFICATE_VERIFY_FAILED", VerifyText: "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", VerifyCode: 20}
	server.Library = &event.Library{Name: "boringssl", Side: event.Server, ErrorCode: 1048, ErrorText: "TLSV1_ALERT_UNKNOWN_CA"}
	server.Alert = &event.Alert{Sender: event.Client, Level: "fatal", Code: &code, Name: "unknown_ca"}
	server.Repeated, server.Duration = 3, 0.5
	trail := []event.Record{
		{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 300},
		{From: event.Server, Type: "handshake", Handshake: "server_hello", Length: 90, At: 100},
		{From: event.Client, Type: "alert", Length: 2, At: 200},
	}
	client.Records, server.Records = trail[:2], trail
	client.TCP = event.TCP{ClientBytes: 305, ServerBytes: 95}
	server.TCP = event.TCP{ClientBytes: 312, ServerBytes: 95}
	for name, e := range map[string]event.Event{"client first": merge(client, server), "server first": merge(server, client)} {
		t.Run(name, func(t *testing.T) {
			switch {
			case e.ObservedFrom != event.FromBoth || e.Repeated != 3 || e.Duration != 0.5:
				t.Errorf("%+v", e)
			case e.Client.Addr != client.Client.Addr || e.Client.Process.Comm != "curl" || e.Client.K8s.Node != "a" || e.Client.K8s.Container != "app":
				t.Errorf("client %+v %+v", e.Client, e.Client.K8s)
			case e.Server.Addr != server.Server.Addr || e.Server.Process.Comm != "envoy" || e.Server.K8s.Node != "b" || e.Server.K8s.Service != "payments":
				t.Errorf("server %+v %+v", e.Server, e.Server.K8s)
			case e.TCP.Dialed != netip.MustParseAddrPort("10.96.0.9:443"):
				t.Errorf("dialed %s", e.TCP.Dialed)
			case e.TLS.Version != "TLS 1.3" || e.Library.Name != "openssl" || e.Alert == nil || *e.Alert.Code != 48:
				t.Errorf("%+v %+v %+v", e.TLS, e.Library, e.Alert)
			case e.Verdict.Reason != event.UnknownCA || e.Verdict.GaveUp != event.Client:
				t.Errorf("verdict %+v", e.Verdict)
			}
		})
	}
}

func TestResetThatNeitherEndSentCameFromBetween(t *testing.T) {
	client, server := seen(event.FromClient, "a", 1, 1), seen(event.FromServer, "b", 1, 1)
	hello := []event.Record{{From: event.Client, Type: "handshake", Handshake: "client_hello", Length: 300}}
	client.TLS, server.TLS = &event.TLS{SNI: "x"}, &event.TLS{SNI: "x"}
	client.Records, server.Records = hello, hello
	client.TCP = event.TCP{ClosedBy: event.Server, How: event.CloseRST, ResetBy: event.Server, ClientBytes: 305}
	server.TCP = event.TCP{ClosedBy: event.Client, How: event.CloseRST, ResetBy: event.Client, ClientBytes: 305}
	client, server = verdict.Judge(client), verdict.Judge(server)
	if client.Verdict.Reason != event.ResetByServer || server.Verdict.Reason != event.ResetByClient {
		t.Fatalf("alone: %s, %s", client.Verdict.Reason, server.Verdict.Reason)
	}
	if e := merge(client, server); e.Verdict.Reason != event.ResetInBetween || e.Verdict.GaveUp != event.Network {
		t.Errorf("together: %+v", e.Verdict)
	}
}
