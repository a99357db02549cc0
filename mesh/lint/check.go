package lint

import "github.com/tlstrace/tlstrace/event"

// Severity says what a finding does to handshakes.
type Severity string

// The severities. An error breaks handshakes as soon as there are any, or will (an expiry); a warning breaks them
// under circumstances that the objects do not tell, or leaves traffic in clear that is meant to be encrypted; info is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Severities lists the closed set, the worst first.
var Severities = []Severity{Error, Warning, Info}

// rank orders severities, the worst first.
func (s Severity) rank() int {
	for i, known := range Severities {
		if s == known {
			return i
		}
	}
	return len(Severities)
}

// AtLeast says that a severity is least or a worse one; never for a least that is no severity.
func (s Severity) AtLeast(least Severity) bool {
	return least.rank() < len(Severities) && s.rank() <= least.rank()
}

// Topic groups checks. The third and fourth character of a check's ID are the topic's number.
type Topic string

// The topics, by number.
const (
	TopicInput       Topic = "input"               // TLT00: what could not be read
	TopicVersion     Topic = "version"             // TLT01: sidecar and control plane versions
	TopicInjection   Topic = "injection"           // TLT02: who is in the mesh
	TopicPeer        Topic = "peer-authentication" // TLT03
	TopicDestination Topic = "destination-rule"    // TLT04
	TopicGateway     Topic = "gateway"             // TLT05: gateways and their certificates
	TopicServiceEnt  Topic = "service-entry"       // TLT06
	TopicIdentity    Topic = "identity"            // TLT07: service accounts, principals, trust domains
	TopicPort        Topic = "port"                // TLT08: ports, probes and exclusions
	TopicAmbient     Topic = "ambient"             // TLT09
)

// Check is one rule. All of them are listed in [Checks].
type Check struct {
	ID       string // TLT0101: stable, never reused
	Name     string // kebab-case, as in "sidecar-version-differs"
	Severity Severity
	Topic    Topic
	Summary  string // one sentence: what is wrong
	Explain  string // why that breaks a handshake, by which documented rule
	Fix      string // what to do about it in general; a finding may be more precise
	// Known are the codes of istioctl analyze (IST0108) and Kiali (KIA0501) that check the same, or nearly.
	Known []string
	// Needs are the kinds without which the check would be wrong: if one could not be read, the check is skipped, and that is reported.
	Needs []Kind
	// Causes are the reasons for which a handshake fails if the check is right: what [Blame] goes by.
	Causes []event.Reason
	// Run looks at the world and reports what it finds. It must not change the world. nil for what is found while reading.
	Run func(*World, Report)
}

// Report takes one finding of the check that runs. The finding's Check is filled in; its Severity and Fix are the check's
// own if they are left empty, and the Source and Line of its Object are taken from where the object was read.
type Report func(Finding)
