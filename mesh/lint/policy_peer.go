package lint

import (
	"fmt"
	"strconv"

	"istio.io/api/security/v1beta1"
)

// Mode is what a port of a workload accepts: the modes of a PeerAuthentication, with UNSET resolved.
type Mode string

// The modes (istio.io/docs/reference/config/security/peer_authentication/#PeerAuthentication-MutualTLS-Mode).
const (
	Disable    Mode = "DISABLE"
	Permissive Mode = "PERMISSIVE"
	Strict     Mode = "STRICT"
)

// PeerPolicies tells the PeerAuthentication that holds for each workload.
//
// The precedence is that of istio.io/docs/concepts/security/#authentication-policies: workload over namespace over mesh; of several at
// one level the oldest; UNSET inherits from the level above, and is PERMISSIVE at the top. A policy with a selector in the root
// namespace is ignored, and portLevelMtls counts only with a selector (istio.io/docs/reference/config/security/peer_authentication).
type PeerPolicies struct {
	root      string
	plain     map[string]*PeerAuthentication   // without a selector, by namespace: the oldest
	selecting map[string][]*PeerAuthentication // with a selector, by namespace, the oldest first
	unsettled map[string]bool                  // namespaces where which policy of plain will be the oldest is not known
}

// NewPeerPolicies sorts the policies of a world by the level that they hold at.
func NewPeerPolicies(w *World) *PeerPolicies {
	p := &PeerPolicies{
		root:      w.Mesh.RootNamespace,
		plain:     map[string]*PeerAuthentication{},
		selecting: map[string][]*PeerAuthentication{},
		unsettled: map[string]bool{},
	}
	for _, policy := range oldestFirst(w.PeerAuthentications) {
		ns := policy.Namespace
		switch {
		case !selects(policy):
			if first := p.plain[ns]; first == nil {
				p.plain[ns] = policy
			} else if winsUnknown(&first.Meta, &policy.Meta) && modeOf(first.Spec.GetMtls()) != modeOf(policy.Spec.GetMtls()) {
				p.unsettled[ns] = true
			}
		case ns != p.root:
			p.selecting[ns] = append(p.selecting[ns], policy)
		}
	}
	return p
}

// selects says whether a policy is for some workloads only. An empty selector is none.
func selects(p *PeerAuthentication) bool {
	return len(p.Spec.GetSelector().GetMatchLabels()) > 0
}

// PeerPolicy is what holds for one workload.
type PeerPolicy struct {
	// Mode is that of every port that Ports does not name.
	Mode Mode
	// By is the policy that says so; nil for Istio's default.
	By *PeerAuthentication
	// Ports are the modes of single ports of the pods, and Selecting the policy that has them: nil if no selector matches.
	Ports     map[uint32]Mode
	Selecting *PeerAuthentication
	// Unsettled says that several policies contradict each other at one level, and that none is live, so that it is not known which one
	// will be the oldest and count: Mode is that of one of them.
	Unsettled bool
}

// Of returns what holds for a workload. In ambient mode it is what ztunnel enforces: see ambient.
func (p *PeerPolicies) Of(o *Workload) PeerPolicy {
	found := p.Namespace(o.Namespace)
	own, unsettled := p.matching(o)
	if own == nil {
		return found.in(o.Membership, false)
	}
	found.Selecting = own
	inherited := modeOf(own.Spec.GetMtls()) == ""
	found.take(own, false)
	found.Unsettled = found.Unsettled || unsettled
	for port, mtls := range own.Spec.GetPortLevelMtls() {
		if found.Ports == nil {
			found.Ports = map[uint32]Mode{}
		}
		found.Ports[port] = orElse(modeOf(mtls), found.Mode)
	}
	return found.in(o.Membership, inherited)
}

// Namespace returns what holds for a workload that no selector matches.
func (p *PeerPolicies) Namespace(name string) PeerPolicy {
	found := PeerPolicy{Mode: Permissive}
	found.take(p.plain[p.root], p.unsettled[p.root])
	if name != p.root {
		found.take(p.plain[name], p.unsettled[name])
	}
	return found
}

// matching returns the oldest policy with a selector that matches a workload, and whether another one may become the oldest.
func (p *PeerPolicies) matching(o *Workload) (first *PeerAuthentication, unsettled bool) {
	for _, policy := range p.selecting[o.Namespace] {
		if !hasLabels(o.PodLabels, policy.Spec.GetSelector().GetMatchLabels()) {
			continue
		}
		if first == nil {
			first = policy
			continue
		}
		if winsUnknown(&first.Meta, &policy.Meta) && !sameModes(first, policy) {
			return first, true
		}
	}
	return first, false
}

// take lets a narrower policy override, unless it leaves the mode unset.
func (p *PeerPolicy) take(policy *PeerAuthentication, unsettled bool) {
	if policy == nil {
		return
	}
	if mode := modeOf(policy.Spec.GetMtls()); mode != "" {
		p.Mode, p.By, p.Unsettled = mode, policy, unsettled
	} else if unsettled {
		p.Unsettled = true
	}
}

// in returns the policy as it is enforced for a membership. ztunnel knows no DISABLE: such a policy is as PERMISSIVE (the mesh
// is encrypted by HBONE anyway, istio.io/docs/ambient/usage/l4-policy/#peer-authentication). And where the workload's mode is inherited
// and STRICT, a port's DISABLE makes no exception, only PERMISSIVE does (pilot/pkg/serviceregistry/ambient/authorization.go,
// convertedSelectorPeerAuthentications).
func (p PeerPolicy) in(m Membership, inherited bool) PeerPolicy {
	if m != InAmbient {
		return p
	}
	excepted := false
	for _, mode := range p.Ports {
		excepted = excepted || mode == Permissive
	}
	for port, mode := range p.Ports {
		if mode == Disable {
			p.Ports[port] = Permissive
			if inherited && p.Mode == Strict && !excepted {
				p.Ports[port] = Strict
			}
		}
	}
	if p.Mode == Disable {
		p.Mode = Permissive
	}
	return p
}

// Port returns the mode of one port of the pods (not of a service).
func (p PeerPolicy) Port(number uint32) Mode {
	return orElse(p.Ports[number], p.Mode)
}

// PolicyOf returns the policy that decides about a port, and the field that does; nil for Istio's default.
func (p PeerPolicy) PolicyOf(number uint32) (*PeerAuthentication, string) {
	if p.Selecting != nil && modeOf(p.Selecting.Spec.GetPortLevelMtls()[number]) != "" {
		return p.Selecting, portField(number)
	}
	return p.By, "spec.mtls.mode"
}

// Source words where a port's mode comes from.
func (p PeerPolicy) Source(number uint32) string {
	policy, field := p.PolicyOf(number)
	if policy == nil {
		return "Istio's default"
	}
	return fmt.Sprintf("PeerAuthentication %s (%s)", nameOf(policy.Meta), field)
}

func portField(number uint32) string {
	return fmt.Sprintf("spec.portLevelMtls[%s].mode", strconv.Quote(strconv.Itoa(int(number))))
}

// modeOf returns "" for a mode that is unset.
func modeOf(mtls *v1beta1.PeerAuthentication_MutualTLS) Mode {
	switch mtls.GetMode() {
	case v1beta1.PeerAuthentication_MutualTLS_DISABLE:
		return Disable
	case v1beta1.PeerAuthentication_MutualTLS_PERMISSIVE:
		return Permissive
	case v1beta1.PeerAuthentication_MutualTLS_STRICT:
		return Strict
	}
	return ""
}

func orElse(mode, otherwise Mode) Mode {
	if mode == "" {
		return otherwise
	}
	return mode
}
