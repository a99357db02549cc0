package tracer

import (
	"log/slog"
	"time"
)

// Defaults of [Options].
const (
	DefaultRingBytes      = 1 << 20
	DefaultMaxInflight    = 4096
	DefaultHold           = 2 * time.Minute
	DefaultMaxInDepth     = 64
	MostInDepth           = 256 // that Options.MaxInDepth may be: the size of a map
	DefaultAlikePerSecond = 100
)

// Options says what to trace. The zero value traces every TLS handshake on the machine and reports those that
// may have failed.
type Options struct {
	// Cgroup is the cgroup v2 directory whose sockets are traced, its children included; "" is the root.
	Cgroup string
	// Capture says where the bytes of connections are looked at; "" is [CaptureAll].
	Capture Capture
	// Hold is for how long [CaptureAdaptive] looks at a cgroup that is new or suspect, and longer while handshakes fail there.
	Hold time.Duration
	// MaxInDepth bounds the cgroups that [CaptureAdaptive] looks at at the same time. The others wait for their turn.
	MaxInDepth int
	// InDepth are directories of cgroups that [CaptureAdaptive] looks at all the time.
	InDepth []string
	// Successes reports handshakes that succeeded, too; else they are only counted in [Stats].
	Successes bool
	// Noise reports connections that carried nothing or no TLS and just ended; else they are only counted.
	Noise bool
	// RingBytes is the size of the ring buffer between kernel and user space, rounded up to a power of two.
	RingBytes int
	// MaxInflight bounds the connections whose handshake is followed at the same time.
	MaxInflight int
	// AlikePerSecond is how many failures that are alike (between the same ends, and the same to the kernel) are told in a second, and
	// as many at once. Those beyond are in the Repeated of the next that is told. A cgroup has 20 times as much for all of its failures.
	AlikePerSecond int
	// NoLibraries leaves TLS libraries alone: the reason is then what the wire tells.
	NoLibraries bool
	// GetError also watches SSL_get_error of OpenSSL and BoringSSL, which programs call on every empty read: for a session,
	// not for months.
	GetError bool
	// Variants forces the variant of a purpose, for tests: {PurposeResetSent: "kprobe"}.
	Variants map[Purpose]string
	// Logger receives warnings; nil discards them.
	Logger *slog.Logger
}

// Stats counts what happened since [Open]. All figures only grow. A connection counts once, also if both ends are local.
type Stats struct {
	Connections uint64 `json:"connections"` // TCP connections of which the beginning was seen, or that were refused
	Succeeded   uint64 `json:"succeeded"`   // handshakes that surely succeeded
	Ended       uint64 `json:"ended"`       // connections that were handed to user space to be judged
	Plain       uint64 `json:"plain"`       // connections that never spoke TLS
	Quiet       uint64 `json:"quiet"`       // connections that closed without a byte
	Light       uint64 `json:"light"`       // connections that ended unsuspiciously, and at whose bytes nobody looked
	Shed        uint64 `json:"shed"`        // failures beyond Options.AlikePerSecond: in the Repeated of others, or at last in Lost
	// Lost counts what could not be followed or told, by where it was lost: see the Lost... constants.
	Lost map[string]uint64 `json:"lost"`
}
