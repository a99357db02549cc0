package scenarios

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// sweep is one failing handshake for each position at which the writes of one end are split.
type sweep struct {
	name           string
	server, client []string // flags of gopeer
	count          int
	reason         event.Reason
	// honest says that a stream in so many pieces need not be followed: undecided is as good as the reason.
	honest bool
}

// The hello of crypto/tls has 1,501 bytes with its record header, and 225 without a post-quantum key share; the server's
// flight has about 500 in TLS 1.2 and 1,300 in TLS 1.3.
func (l *Lab) sweeps() []sweep {
	unknownName := []string{"--sni", "known.example"}
	noClient := []string{"--client-ca", l.pki.ca}
	return []sweep{
		{"hello", unknownName, []string{"--split", "1"}, 1505, event.UnrecognizedName, false},
		{"hello byte by byte", unknownName, []string{"--split", "-1", "--classic"}, 10, event.UnrecognizedName, true},
		{"hello in records of 500 bytes", unknownName, []string{"--frag", "500"}, 10, event.UnrecognizedName, false},
		{"hello in records of 7 bytes", unknownName, []string{"--frag", "7"}, 10, event.UnrecognizedName, true},
		{"client, TLS 1.2", noClient, []string{"--split", "1", "--max", "1.2"}, 230, event.ClientCertificateRequired, false},
		{"server, TLS 1.2", append(noClient, "--max", "1.2", "--split", "1"), nil, 560, event.ClientCertificateRequired, false},
		{"client, TLS 1.3", noClient, []string{"--split", "1", "--classic"}, 330, event.ClientCertificateRequired, false},
		{"server, TLS 1.3", append(noClient, "--split", "1"), []string{"--classic"}, 780, event.ClientCertificateRequired, false},
		{"server byte by byte", append(noClient, "--split", "-1"), []string{"--classic"}, 5, event.ClientCertificateRequired, true},
	}
}

// TestSplit splits the same failing handshakes at every position: it makes no difference.
func TestSplit(t *testing.T) {
	r := newRun(t, "--all")
	for _, s := range r.sweeps() {
		t.Run(s.name, func(t *testing.T) { r.sweep(t, s) })
	}
	if r.watch == nil {
		return
	}
	r.watch.end(t)
}

func (r *run) sweep(t *testing.T, s sweep) {
	srv := r.broken(t, s.server...)
	argv := []string{r.gopeer, "sweep", "--port", strconv.Itoa(srv.port), "--ca", r.pki.ca, "--count", strconv.Itoa(s.count)}
	p := start(t, "", append(argv, s.client...)...)
	if err := p.wait(time.Minute); err != nil {
		t.Fatal(err)
	}
	if !p.cmd.ProcessState.Success() {
		t.Fatal(p.out)
	}
	if r.watch == nil {
		return
	}
	if err := r.watch.await(eventTimeout, func() bool { return r.watch.connections(srv.port) >= s.count }); err != nil {
		t.Errorf("%d connections reported, want %d", r.watch.connections(srv.port), s.count)
	}
	s.judge(t, r.watch.at(srv.port))
}

// connections counts what was reported of a port, folded events included.
func (w *watch) connections(port int) int {
	n := 0
	for _, r := range w.at(port) {
		n += 1 + r.Repeated
	}
	return n
}

// judge shows the first wrong event and counts them all.
func (s sweep) judge(t *testing.T, got []report) {
	wrong := 0
	first := ""
	for _, e := range got {
		right := e.Outcome == event.Failed && e.Verdict.Reason == s.reason && e.Verdict.GaveUp == event.Server
		if right || s.honest && e.Outcome == event.Undecided {
			continue
		}
		if wrong++; first == "" {
			first = e.line
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d events are not %s, the first:\n%s", wrong, len(got), s.reason, first)
	}
}

// wire is a relay between two network namespaces.
type wire struct {
	client, server string // files of the namespaces
}

const (
	wireClient = "10.91.0.1"
	wireServer = "10.91.0.2"
)

// newWire starts a relay; the namespaces end with it. Its MTU makes several segments of each flight.
func (l *Lab) newWire(t *testing.T, policy string) wire {
	t.Helper()
	p := start(t, "", l.gopeer, "relay", "--policy", policy)
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(p.out.String(), "\n"); time.Sleep(10 * time.Millisecond) {
		if p.ended() || time.Now().After(deadline) {
			t.Fatalf("the relay does not start: %s", p.out)
		}
	}
	f := strings.Fields(p.out.String())
	if len(f) != 3 || f[0] != "relaying" {
		t.Fatalf("the relay does not start: %s", p.out)
	}
	setUp(t, f[1], wireClient)
	setUp(t, f[2], wireServer)
	return wire{f[1], f[2]}
}

func setUp(t *testing.T, netns, address string) {
	t.Helper()
	for _, command := range []string{"address add " + address + "/24 dev lab", "link set lab mtu 576 up", "link set lo up"} {
		argv := inside(netns, append([]string{"ip"}, strings.Fields(command)...))
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", command, err, out)
		}
	}
}

// policies are what a wire does to segments; see gopeer.
var policies = []string{
	"none", "swap-client", "swap-server", "swap-both", "late-client", "late-server", "dup-both", "drop-client", "drop-server", "drop-both",
}

// TestRelay runs failing and healthy handshakes over a wire that reorders, duplicates or loses segments: the verdict is
// the same or undecided, and never another one.
func TestRelay(t *testing.T) {
	r := newRun(t, "--all")
	var done []outcome
	for _, policy := range policies {
		t.Run(policy, func(t *testing.T) { done = append(done, r.playOver(t, policy)...) })
	}
	if r.watch == nil {
		return
	}
	r.sentinel(t)
	for _, o := range done {
		t.Run("judge/"+o.Name, func(t *testing.T) { o.judgeRelayed(t, r.watch) })
	}
	r.watch.end(t)
}

// playOver runs one scenario after the other: the policy holds segments of all of them.
func (r *run) playOver(t *testing.T, policy string) []outcome {
	w := r.newWire(t, policy)
	var done []outcome
	for _, s := range relayed(w) {
		s.Name = policy + "/" + s.Name
		p := s.Play(t, r.Lab)
		if !p.Proves(s.Truth) {
			t.Errorf("%s: the programs do not show what was meant to happen (%s):\n%s", s.Name, s.Truth.Proof, p.Output())
			continue
		}
		done = append(done, outcome{s, p})
	}
	return done
}

// relayed are the scenarios that are run over a wire.
func relayed(w wire) []Scenario {
	certificate, client, negotiation := serverCertificateFailures(), clientCertificateFailures(), negotiationFailures()
	var all []Scenario
	unknownName, longHello := negotiation[len(negotiation)-1], negotiation[len(negotiation)-2]
	for _, v := range bothVersions {
		all = append(all,
			w.pair(certificate[0], v, nginxServer, opensslClient),
			w.pair(certificate[3], v, goServer, goClient),
			w.pair(client[0], v, opensslServer, goClient),
			w.pair(unknownName, v, nginxServer, goClient),
			w.pair(longHello, v, goServer, opensslClient),
			w.healthy(v, goServer, goClient),
			w.healthy(v, nginxServer, curlClient),
		)
	}
	return all
}

// pair is a failure of the matrix between the two ends of the wire.
func (w wire) pair(f failure, version uint16, s serverStack, c clientStack) Scenario {
	one := f.pair(version, s, c)
	one.Play = func(t testing.TB, l *Lab) Played {
		ss := serverSettings{pair: l.pki.ok, versions: only(version), netns: w.server}
		cs := clientSettings{ca: l.pki.ca, versions: only(version), host: wireServer, netns: w.client}
		f.set(l.pki, version, &ss, &cs)
		return w.play(t, l, s, ss, c, cs)
	}
	return one
}

func (w wire) healthy(version uint16, s serverStack, c clientStack) Scenario {
	fine := failure{name: "healthy", set: func(*pki, uint16, *serverSettings, *clientSettings) {},
		truth: func(pairing) Truth { return Truth{Certainty: Never, Proof: "200"} }}
	return w.pair(fine, version, s, c)
}

func (w wire) play(t testing.TB, l *Lab, s serverStack, ss serverSettings, c clientStack, cs clientSettings) Played {
	p := l.playPair(t, s, ss, c, cs)
	p.Client.Addr, p.Server.Addr = wireClient, wireServer
	return p
}

// judgeRelayed accepts undecided wherever the wire did harm.
func (o outcome) judgeRelayed(t *testing.T, w *watch) {
	got := w.at(o.Port)
	if len(got) != 1 {
		t.Errorf("%d events, want 1: %s", len(got), w.show(o.Port))
		return
	}
	e := got[0]
	if e.Outcome == event.Undecided && !strings.HasPrefix(o.Name, "none/") {
		t.Logf("undecided: %s", e.line)
		return
	}
	var wrong []string
	if o.Truth.Certainty == Never {
		wrong = differ("outcome", e.Outcome, []event.Outcome{event.Succeeded})
	} else {
		wrong = append(o.Truth.judge(e.Event), o.Played.judge(e.Event)...)
	}
	if len(wrong) > 0 {
		t.Errorf("%s\n%s", strings.Join(wrong, "\n"), e.line)
	}
}
