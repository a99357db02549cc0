package mesh_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// parallel is how many meshes run at a time.
const parallel = 3

// scenario is a mesh, what is asked in it, and all that is to be told of it.
type scenario struct {
	name string
	setup
	play  func(*mesh) string // returns what the programs got
	proof string             // regular expression for that
	told  func(*mesh) []truth
}

// truth is an event that has to be told, once. Of the failures, all have to be known; of the rest, those that are of interest.
type truth struct {
	verdict  string // outcome, reason, layer, phase, gave_up, look_at, confidence
	from, to string // addresses; to with its port
	dialed   string // "" if it is the same
	client   string // names of the processes; "" if there is none
	server   string
	mesh     *event.Mesh
}

// last is played after all others: once it is told, what came before has been told, too.
var last = scenario{
	name: "last", setup: setup{imposter: true}, play: charge, proof: "^503",
	told: func(m *mesh) []truth {
		return []truth{m.inner("failed unknown_ca certificate server_certificate client server exact")}
	},
}

// TestMeshes plays every scenario and checks that what failed is told once and as what it was, and nothing else as failed.
func TestMeshes(t *testing.T) {
	l := newLab(t)
	w := startWatch(t, l.node)
	played := make([]*mesh, len(scenarios))
	slots := make(chan struct{}, parallel)
	t.Run("play", func(t *testing.T) {
		for i, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				played[i] = l.play(t, w, s)
			})
		}
	})
	t.Run("last", func(t *testing.T) { l.play(t, w, last) })
	w.end()
	all := w.reports()
	for i, s := range scenarios {
		t.Run("judge/"+s.name, func(t *testing.T) {
			if played[i] == nil {
				t.Skip("it was not played")
			}
			s.judge(t, played[i], all)
		})
	}
}

// play returns when everything that has to be told has been told, or does not come.
func (l *lab) play(t *testing.T, w *watch, s scenario) *mesh {
	m := l.newMesh(t, s.setup)
	got := s.play(m)
	if !regexp.MustCompile(s.proof).MatchString(got) {
		t.Fatalf("this does not show what was meant to happen (%s):\n%s\nsidecars:\n%s%s%s%s", s.proof, got, m.out.out, m.out.err, m.in.out, m.in.err)
	}
	eventually(t, "everything is told", func() bool {
		told := w.reports()
		for _, want := range s.told(m) {
			if len(m.find(want, told)) == 0 {
				return false
			}
		}
		return true
	})
	return m
}

// judge looks at all events of the mesh at the end, when there can be no more.
func (s scenario) judge(t *testing.T, m *mesh, all []report) {
	expected := map[string]bool{}
	for _, want := range s.told(m) {
		found := m.find(want, all)
		if len(found) != 1 {
			t.Errorf("%d events from %s to %s by way of %q, want 1", len(found), want.from, want.to, want.dialed)
		}
		for _, r := range found {
			expected[r.line] = true
			for _, wrong := range want.judge(r.Event) {
				t.Errorf("%s\n%s", wrong, r.line)
			}
		}
	}
	for _, r := range all {
		if m.has(r.Event) && r.Outcome == event.Failed && !expected[r.line] {
			t.Errorf("one failure too many:\n%s", r.line)
		}
	}
}

// has says whether an event is of this mesh: at least one end was seen, and that is in a pod's cgroup.
func (m *mesh) has(e event.Event) bool {
	for _, p := range []*pod{m.client, m.server, m.legacy} {
		if e.Client.Cgroup == p.id || e.Server.Cgroup == p.id {
			return true
		}
	}
	return false
}

func (m *mesh) find(want truth, all []report) []report {
	var found []report
	for _, r := range all {
		if m.has(r.Event) && r.Client.Addr.String() == want.from && arrived(r.Event) == want.to && dialed(r.Event) == want.dialed {
			found = append(found, r)
		}
	}
	return found
}

func arrived(e event.Event) string { return netip.AddrPortFrom(e.Server.Addr, e.Server.Port).String() }

// dialed is "" if it is where the connection arrived.
func dialed(e event.Event) string {
	if !e.TCP.Dialed.IsValid() {
		return ""
	}
	return e.TCP.Dialed.String()
}

// judge returns what is wrong, one sentence each.
func (want truth) judge(e event.Event) []string {
	v := e.Verdict
	var got []string
	for _, word := range []string{
		string(e.Outcome), string(v.Reason), string(v.Layer), string(v.Phase), string(v.GaveUp), string(v.LookAt), string(v.Confidence),
	} {
		if word == "" {
			word = "-"
		}
		got = append(got, word)
	}
	wrong := want.differ(got)
	wrong = append(wrong, differ("client.process", comm(e.Client), want.client)...)
	wrong = append(wrong, differ("server.process", comm(e.Server), want.server)...)
	return append(wrong, differ("mesh", spell(e.Mesh), spell(want.mesh))...)
}

// differ compares the verdict word by word; "a|b" is either.
func (want truth) differ(got []string) []string {
	for i, words := range strings.Fields(want.verdict) {
		if !slices.Contains(strings.Split(words, "|"), got[i]) {
			return differ("verdict", strings.Join(got, " "), want.verdict)
		}
	}
	return nil
}

func comm(end event.Endpoint) string {
	if end.Process == nil {
		return ""
	}
	return end.Process.Comm
}

func spell(m *event.Mesh) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf("%+v", *m)
}

func differ(what, got, want string) []string {
	if got == want {
		return nil
	}
	return []string{fmt.Sprintf("%s: got %q, want %q", what, got, want)}
}
