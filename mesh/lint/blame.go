package lint

import (
	"cmp"
	"slices"

	"github.com/tlstrace/tlstrace/event"
)

// Blame is the object that a failed handshake is most likely due to.
type Blame struct {
	Object Ref
	Field  string
	Line   int // of the field in the object's Source
	// Check is the check that found it; nil for a rule that no configuration breaks by itself, but this failure shows.
	Check *Check
	// Rule says in one sentence how the object leads to such a failure, and Message what is wrong with it.
	Rule, Message, Fix string
	// Confidence is derived if such a configuration fails in just this way at this server, else inferred. It is never exact.
	Confidence event.Confidence
	// Also are other objects that account for it as well.
	Also []Ref
}

// suspect is a finding that may account for a failure.
type suspect struct {
	finding *Finding
	rule    string
	likely  bool
	score   int
}

// maxAlso bounds the other objects that are named.
const maxAlso = 5

// Blame names the object that is most likely to blame for a failed handshake, out of the findings about the same configuration.
// False if none fits: the server has to be known to the world, and what a finding is about must be at the ends of that connection.
func (w *World) Blame(e event.Event, findings []Finding) (Blame, bool) {
	ends := newEnds(w, e)
	var suspects []suspect
	for i := range findings {
		if s, ok := ends.suspect(e, &findings[i]); ok {
			suspects = append(suspects, s)
		}
	}
	slices.SortStableFunc(suspects, func(a, b suspect) int { return cmp.Compare(b.score, a.score) })
	if len(suspects) == 0 || !suspects[0].likely {
		if b, ok := ends.unproxied(e); ok {
			return b, true
		}
	}
	if len(suspects) == 0 {
		return Blame{}, false
	}
	return accuse(suspects), true
}

func accuse(suspects []suspect) Blame {
	worst := suspects[0]
	f := worst.finding
	b := Blame{
		Object: f.Object, Field: f.Field, Line: f.Line, Check: f.Check, Rule: worst.rule, Message: f.Message, Fix: f.Fix,
		Confidence: event.Inferred,
	}
	if worst.likely {
		b.Confidence = event.Derived
	}
	for _, s := range suspects[1:] {
		if o := s.finding.Object; s.score == worst.score && o.key() != b.Object.key() && len(b.Also) < maxAlso {
			b.Also = append(b.Also, o)
		}
	}
	return b
}

// suspect weighs one finding. It must be about this server, or about this client and no other server.
func (n *ends) suspect(e event.Event, f *Finding) (suspect, bool) {
	strength, rule := Explains(f.Check, e)
	if strength == Unrelated {
		return suspect{}, false
	}
	server, client, named, met := 0, 0, false, false
	for _, ref := range append([]Ref{f.Object}, f.Related...) {
		k := ref.key()
		server, client = max(server, n.server[k]), max(client, n.client[k])
		if isParty(ref.Kind) && n.client[k] == 0 {
			named, met = true, met || n.server[k] > 0
		}
	}
	if named && !met || server == 0 && client < exact {
		return suspect{}, false
	}
	s := suspect{finding: f, rule: rule, likely: strength == Likely}
	s.score = 100*int(strength) + 10*server + 5*client + len(Severities) - f.Severity.rank()
	return s, true
}

// isParty says that an object of the kind is one end of connections, or for one: what is wrong with it concerns no other.
func isParty(k Kind) bool {
	switch k {
	case KindDestinationRule, KindGateway, KindSecret, KindService, KindServiceEntry, KindWorkloadEntry,
		KindPod, KindDeployment, KindStatefulSet, KindDaemonSet, KindReplicaSet, KindJob, KindCronJob:
		return true
	}
	return false
}

// unproxied blames a policy that works as it is meant to: a client without a proxy reaches a server that is STRICT.
func (n *ends) unproxied(e event.Event) (Blame, bool) {
	refused := e.Verdict.Reason == event.PlaintextToTLS || e.Verdict.Reason == event.ClientCertificateRequired
	if e.Outcome != event.Failed || !refused || len(n.clients) == 0 {
		return Blame{}, false
	}
	for _, c := range n.clients {
		if c.Membership != Outside {
			return Blame{}, false
		}
	}
	policies := NewPeerPolicies(n.world)
	for _, o := range n.servers {
		in, known := policies.Inbound(o, n.port)
		if !known || !in.Proxied || in.Mode != Strict {
			continue
		}
		policy, field := in.Policy.PolicyOf(n.port)
		if policy == nil {
			continue
		}
		client := n.clients[0]
		return Blame{
			Object: policy.Ref, Field: field, Line: policy.Line,
			Rule: "a client without a proxy has no certificate of the mesh, and a STRICT server ends what is not mutual TLS",
			Message: titled(client.Meta) + " is outside of the mesh (" + client.Why + "), and " + titled(o.Meta) + " accepts only mutual TLS by " +
				titled(policy.Meta),
			Fix:        "Bring the client into the mesh, or make this port PERMISSIVE with a PeerAuthentication that selects the server.",
			Confidence: event.Derived,
		}, true
	}
	return Blame{}, false
}
