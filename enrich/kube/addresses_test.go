package kube

import (
	"net/netip"
	"testing"
	"time"
)

func numbered(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestAddressesAge(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration // since it was asked for
		event time.Duration // the same, of the event
		alone bool
		want  state
		pod   string
	}{
		{"new", time.Second, time.Second, false, settled, "p"},
		{"new enough for the event", time.Hour, -time.Second, false, settled, "p"},
		{"aged", freshAtFirst + time.Second, freshAtFirst + time.Second, false, aged, "p"},
		{"old", staleAtMost + time.Second, staleAtMost + time.Second, false, missing, ""},
		{"old, and nobody to ask", staleAtMost + time.Second, staleAtMost + time.Second, true, aged, "p"},
		{"too old in any case", staleAlone + time.Second, staleAlone + time.Second, true, missing, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newStopped()
			a := newAddresses(c.now)
			a.keepPods(addr1, []*pod{newPod(aPod("p", with("10.0.0.1")), false)})
			asked := c.at
			c.at = asked.Add(tt.after)
			p, _, s := a.at(addr1, asked.Add(tt.event), tt.alone)
			name := ""
			if p != nil {
				name = p.name
			}
			if s != tt.want || name != tt.pod {
				t.Errorf("got %q, state %d; want %q, %d", name, s, tt.pod, tt.want)
			}
		})
	}
}

func TestConfirmedAddressesStayFreshForLonger(t *testing.T) {
	c := newStopped()
	a := newAddresses(c.now)
	a.keepPods(addr1, []*pod{newPod(aPod("p", with("10.0.0.1")), false)})
	for _, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
		c.at = c.at.Add(want * time.Second)
		if _, _, s := a.at(addr1, c.at, false); s != settled {
			t.Errorf("it is not fresh for %d seconds", want)
		}
		c.at = c.at.Add(time.Second)
		if _, _, s := a.at(addr1, c.at, false); s != aged {
			t.Errorf("it is fresh for more than %d seconds", want)
		}
		a.confirm(addr1)
	}
}

func TestAPodThatIsGoneElsewhere(t *testing.T) {
	c := newStopped()
	a := newAddresses(c.now)
	a.keepPods(addr1, []*pod{newPod(aPod("p", with("10.0.0.1")), false)})
	last := c.at
	c.at = last.Add(time.Minute)
	a.keepAbsent(addr1)
	if p, _, s := a.at(addr1, last.Add(-time.Second), false); p == nil || s != settled {
		t.Errorf("before it was seen last it had the address: got %v, %d", p, s)
	}
	if p, _, s := a.at(addr1, last.Add(30*time.Second), false); p != nil || s != settled {
		t.Errorf("nobody knows when it went: got %v, %d", p, s)
	}
	c.at = c.at.Add(absentAtFirst + time.Second)
	if p, _, s := a.at(addr1, c.at, false); p != nil || s != aged {
		t.Errorf("somebody may have it by now: got %v, %d", p, s)
	}
}

func TestTwoPodsThatMayHaveHadIt(t *testing.T) {
	c := newStopped()
	a := newAddresses(c.now)
	a.keepPods(addr1, []*pod{newPod(aPod("p", with("10.0.0.1")), false), newPod(aPod("q", with("10.0.0.1"), since(time.Minute)), false)})
	if p, _, _ := a.at(addr1, noon.Add(30*time.Second), false); p == nil || p.name != "p" {
		t.Errorf("before the second was there: got %v", p)
	}
	if p, _, _ := a.at(addr1, noon.Add(2*time.Minute), false); p != nil {
		t.Errorf("with both of them there: got %s", p.name)
	}
}

func TestAddressesAreBounded(t *testing.T) {
	a := newAddresses(newStopped().now)
	p := newPod(aPod("p"), false)
	for i := range maxKnown + 100 {
		a.keepPods(numbered(i), []*pod{p})
		a.keepAbsent(numbered(1<<20 + i))
	}
	known, absent, evicted := a.size()
	if known != maxKnown || absent != maxAbsent || evicted != 100+maxKnown+100-maxAbsent {
		t.Errorf("%d known, %d absent, %d evicted", known, absent, evicted)
	}
	for i := range 10 * maxHolders {
		a.keepPods(addr2, []*pod{newPod(aPod(string(rune('a'+i)), since(time.Duration(i)*time.Minute)), false)})
	}
	if got := len(a.known[addr2].holders); got > maxHolders {
		t.Errorf("%d holders of one address are kept", got)
	}
}
