package sink

import (
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// kindKey is what makes events of one kind. Nothing in it changes from one connection to the next: no ephemeral port, no pid.
type kindKey struct {
	outcome        event.Outcome
	reason         event.Reason
	gaveUp         event.Side
	client, server string
	port           uint16
	sni            string
}

// maxKindText bounds each text of a key in bytes: a DNS name fits.
const maxKindText = 255

func kindOf(e *event.Event) kindKey {
	return kindKey{
		outcome: e.Outcome, reason: e.Verdict.Reason, gaveUp: e.Verdict.GaveUp,
		client: who(&e.Client), server: who(&e.Server), port: e.Server.Port, sni: askedByOurs(e),
	}
}

// askedByOurs is the name that a client on this machine asked for. What a stranger asks for is free text: it must not make a kind.
func askedByOurs(e *event.Event) string {
	if e.TLS == nil || e.ObservedFrom != event.FromClient && e.ObservedFrom != event.FromBoth {
		return ""
	}
	return bounded(e.TLS.SNI)
}

// crowd is what is left of a kind when there are too many: a closed set.
type crowd struct {
	outcome event.Outcome
	reason  event.Reason
}

func crowdOf(e *event.Event) crowd {
	c := crowd{e.Outcome, e.Verdict.Reason}
	if !slices.Contains(event.Outcomes, c.outcome) {
		c.outcome = ""
	}
	if c.reason.Layer() == "" {
		c.reason = ""
	}
	return c
}

// who names an end by what stays the same while its pods and processes come and go. The first letter keeps a program from passing for
// a workload.
func who(p *event.Endpoint) string {
	switch k := p.K8s; {
	case k == nil:
	case k.Workload != "":
		return "w" + bounded(k.Namespace) + "/" + bounded(k.Workload)
	case k.Pod != "":
		return "p" + bounded(k.Namespace) + "/" + bounded(k.Pod)
	case k.Service != "":
		return "s" + bounded(k.Namespace) + "/" + bounded(k.Service)
	}
	if p.Process != nil {
		if program := firstOf(p.Process.Exe, p.Process.Comm); program != "" {
			return "x" + bounded(program)
		}
	}
	return "a" + p.Addr.Unmap().WithZone("").String()
}

// bounded cuts a text, and lets go of the rest of it.
func bounded(text string) string {
	if len(text) <= maxKindText {
		return text
	}
	return strings.Clone(text[:maxKindText])
}
