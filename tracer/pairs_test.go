package tracer

import (
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// endOf makes one end of a connection whose cookies are given.
func endOf(role bpfRole, cookie, twin uint64) *half {
	h := &half{}
	h.handshake.Role, h.handshake.Cookie, h.handshake.Twin = uint8(role), cookie, twin
	return h
}

func clientEnd() *half { return endOf(bpfRoleROLE_CLIENT, 1, 2) }
func serverEnd() *half { return endOf(bpfRoleROLE_SERVER, 2, 1) }

func over(uint64) *half { return nil }

// stillInFlight answers with the twin, as the kernel would.
func stillInFlight(cookie uint64) *half {
	role := bpfRoleROLE_CLIENT
	if cookie%2 == 0 {
		role = bpfRoleROLE_SERVER
	}
	return endOf(role, cookie, 0)
}

func TestPairs(t *testing.T) {
	start := time.Unix(1000, 0)
	type step struct {
		after time.Duration
		end   *half // or nil to let time pass
		told  []event.Vantage
	}
	for _, tc := range []struct {
		name     string
		inFlight bool
		steps    []step
	}{
		{"an end without a twin is told at once", false, []step{
			{0, endOf(bpfRoleROLE_CLIENT, 1, 0), []event.Vantage{event.FromClient}},
		}},
		{"both ends are one, the client's first", true, []step{
			{0, clientEnd(), nil}, {0, serverEnd(), []event.Vantage{event.FromBoth}},
		}},
		{"both ends are one, the server's first", true, []step{
			{0, serverEnd(), nil}, {time.Second, clientEnd(), []event.Vantage{event.FromBoth}},
		}},
		{"a twin that is still in flight is waited for, and told as far as it is", true, []step{
			{0, clientEnd(), nil}, {waitForRing, nil, nil}, {waitForInFlight, nil, []event.Vantage{event.FromBoth}},
		}},
		{"a twin that is gone is waited for as long as the ring takes", false, []step{
			{0, clientEnd(), nil}, {waitForRing, nil, []event.Vantage{event.FromClient}},
		}},
		{"a late twin adds no second event", true, []step{
			{0, clientEnd(), nil}, {waitForInFlight, nil, []event.Vantage{event.FromBoth}}, {0, serverEnd(), nil},
			{waitForInFlight, nil, nil},
		}},
		{"a twin that did not know of the other adds no second event", true, []step{
			{0, endOf(bpfRoleROLE_CLIENT, 1, 0), []event.Vantage{event.FromClient}}, {0, serverEnd(), nil},
		}},
		{"an end that comes twice is told once", true, []step{
			{0, endOf(bpfRoleROLE_SERVER, 2, 0), []event.Vantage{event.FromServer}}, {0, endOf(bpfRoleROLE_SERVER, 2, 0), nil},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPairs(over)
			if tc.inFlight {
				p = newPairs(stillInFlight)
			}
			now := start
			for i, s := range tc.steps {
				now = now.Add(s.after)
				if s.end != nil {
					p.add(s.end, now)
				}
				p.expire(now)
				var told []event.Vantage
				for c, ok := p.next(); ok; c, ok = p.next() {
					told = append(told, c.vantage())
				}
				if len(told) != len(s.told) || len(told) == 1 && told[0] != s.told[0] {
					t.Errorf("step %d: told %v, want %v", i, told, s.told)
				}
			}
			if _, due := p.due(); due {
				t.Error("something is still waited for")
			}
		})
	}
}

func TestPairsAreBounded(t *testing.T) {
	p := newPairs(stillInFlight)
	now := time.Unix(1000, 0)
	const n = maxWaiting + 100
	for i := range uint64(n) {
		p.add(endOf(bpfRoleROLE_CLIENT, 2*i+1, 2*i+2), now)
	}
	if len(p.waiting) > maxWaiting {
		t.Errorf("%d ends wait", len(p.waiting))
	}
	p.expire(now.Add(waitForInFlight))
	told := 0
	for _, ok := p.next(); ok; _, ok = p.next() {
		told++
	}
	if told != n {
		t.Errorf("told %d of %d", told, n)
	}
	if len(p.told.set) > maxTold {
		t.Errorf("remembers %d", len(p.told.set))
	}
}
