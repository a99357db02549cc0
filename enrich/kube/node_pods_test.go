package kube

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tlstrace/tlstrace/enrich"
)

var addr1, addr2 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")

// stopped is a clock that stands, an hour after noon.
type stopped struct{ at time.Time }

func newStopped() *stopped { return &stopped{noon.Add(time.Hour)} }

func (s *stopped) now() time.Time { return s.at }

// since makes a pod start later.
func since(after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { at := metav1.NewTime(noon.Add(after)); p.Status.StartTime = &at }
}

// ended makes a pod end.
func ended(after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodSucceeded
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(noon.Add(after))}}}}
	}
}

func replace(s *nodePods, pods ...*corev1.Pod) {
	var all []any
	for _, p := range pods {
		all = append(all, p)
	}
	_ = s.Replace(all, "1")
}

func (s *nodePods) nameAt(addr netip.Addr, after time.Duration) string {
	if p, _, _ := s.at(addr, noon.Add(after)); p != nil {
		return p.name
	}
	return ""
}

func TestWhoHadTheAddress(t *testing.T) {
	type step func(s *nodePods, c *stopped)
	update := func(p *corev1.Pod) step { return func(s *nodePods, _ *stopped) { _ = s.Update(p) } }
	remove := func(p *corev1.Pod) step { return func(s *nodePods, _ *stopped) { _ = s.Delete(p) } }
	at := func(after time.Duration) step { return func(_ *nodePods, c *stopped) { c.at = noon.Add(after) } }
	first, second := aPod("first", with("10.0.0.1")), aPod("second", with("10.0.0.1"), since(2*time.Hour))
	tests := []struct {
		name  string
		steps []step
		want  map[time.Duration]string // time after noon -> who had 10.0.0.1
	}{
		{"one that runs", []step{update(first)}, map[time.Duration]string{-time.Second: "", 0: "first", 9 * time.Hour: "first"}},
		{"one that was deleted", []step{update(first), at(time.Hour), remove(first)},
			map[time.Duration]string{30 * time.Minute: "first", time.Hour + time.Second: ""}},
		{"one after the other", []step{update(first), at(time.Hour), remove(first), update(second)},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: "", 3 * time.Hour: "second"}},
		{"both at a time", []step{update(first), at(3 * time.Hour), update(second), remove(first)},
			map[time.Duration]string{time.Hour: "first", 150 * time.Minute: "", 4 * time.Hour: "second"}},
		{"one that ended and stays", []step{update(aPod("first", with("10.0.0.1"), ended(time.Hour))), update(second)},
			map[time.Duration]string{30 * time.Minute: "first", time.Hour + endSlack: "first", 90 * time.Minute: "", 3 * time.Hour: "second"}},
		{"one that ended, told again and again", []step{update(first), update(aPod("first", with("10.0.0.1"), ended(time.Hour))),
			update(aPod("first", with("10.0.0.1"), ended(time.Hour))), update(aPod("first", with("10.0.0.1"), ended(time.Hour)))},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: ""}},
		{"one that got another address", []step{update(first), at(time.Hour), update(aPod("first", with("10.0.0.2")))},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: ""}},
		{"one that got it later", []step{update(aPod("first", with("10.0.0.2"))), at(time.Hour), update(first)},
			map[time.Duration]string{30 * time.Minute: "", 90 * time.Minute: "first"}},
		{"one whose address came with a second update", []step{update(aPod("first")), at(time.Hour), update(first)},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: "first"}},
		{"one of the same name", []step{update(first), at(time.Hour), update(aPod("first", with("10.0.0.2"), func(p *corev1.Pod) { p.UID = "other" }))},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: ""}},
		{"one that a list lacks", []step{update(first), at(time.Hour), func(s *nodePods, _ *stopped) { replace(s) }},
			map[time.Duration]string{30 * time.Minute: "first", 90 * time.Minute: ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newStopped()
			s := newNodePods(c.now)
			for _, do := range tt.steps {
				do(s, c)
			}
			for after, want := range tt.want {
				if got := s.nameAt(addr1, after); got != want {
					t.Errorf("%s after noon it was %q, want %q", after, got, want)
				}
			}
		})
	}
}

func TestTheDeadAreForgotten(t *testing.T) {
	c := newStopped()
	s := newNodePods(c.now)
	for i := range 3 * maxDead {
		p := aPod(fmt.Sprint("p", i), with(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String()))
		_ = s.Add(p)
		_ = s.Delete(p)
	}
	if len(s.dead) > maxDead || len(s.byUID) > maxDead || len(s.held) > maxDead || len(s.byName) != 0 {
		t.Errorf("%d dead, %d UIDs, %d addresses, %d names are kept", len(s.dead), len(s.byUID), len(s.held), len(s.byName))
	}
	c.at = c.at.Add(deadFor + time.Second)
	_ = s.Add(aPod("new"))
	if len(s.dead) != 0 || len(s.byUID) != 1 || len(s.held) != 0 {
		t.Errorf("later, %d dead, %d UIDs, %d addresses are kept", len(s.dead), len(s.byUID), len(s.held))
	}
	if p, _ := s.of(enrich.Container{PodUID: "uid-p1"}); p != nil {
		t.Errorf("a UID of long ago is %s", p.name)
	}
}

func TestPodsOfANodeAreBounded(t *testing.T) {
	s := newNodePods(newStopped().now)
	for i := range maxOnNode + 10 {
		_ = s.Add(aPod(fmt.Sprint("p", i)))
	}
	if len(s.byName) != maxOnNode || s.refused != 10 {
		t.Errorf("%d pods are kept, %d refused", len(s.byName), s.refused)
	}
}

func TestOfANestedCluster(t *testing.T) {
	s := newNodePods(newStopped().now)
	_ = s.Add(aPod("outer"))
	inner := enrich.Container{ID: "b", PodUID: "uid-inner", Outer: &enrich.Container{ID: "a", PodUID: "uid-outer"}}
	if p, id := s.of(inner); p == nil || p.name != "outer" || id != "a" {
		t.Errorf("the pod that this cluster knows is the outer one: got %v, %q", p, id)
	}
	if p, _ := s.of(enrich.Container{ID: "c"}); p != nil {
		t.Errorf("a container of no pod is %s", p.name)
	}
}
