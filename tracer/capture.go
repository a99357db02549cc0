package tracer

// Capture says at which connections' bytes the tracer looks. Births and ends of sockets, resets and the errors of libraries are watched in
// every case: they cost nothing while nothing fails.
type Capture string

// The captures.
const (
	// CaptureAll looks at the first bytes of every connection: counts are exact, every failure is told in full.
	CaptureAll Capture = "all"
	// CaptureAdaptive looks at cgroups (in Kubernetes: containers) that are new, suspect or asked for. Connections of the others cost
	// nothing per packet; what is told of them is Light, and draws attention to their cgroup.
	CaptureAdaptive Capture = "adaptive"
	// CaptureLight looks at no bytes.
	CaptureLight Capture = "light"
)

// Captures lists them all.
var Captures = []Capture{CaptureAll, CaptureAdaptive, CaptureLight}

// Why says what made a cgroup worth a look in depth.
type Why string

// The reasons for a look.
const (
	WhyNew     Why = "new"     // it has made its first connection
	WhySuspect Why = "suspect" // something fits a handshake that failed
	WhyAsked   Why = "asked"   // Options.InDepth
)

// Whys lists them all.
var Whys = []Why{WhyNew, WhySuspect, WhyAsked}
