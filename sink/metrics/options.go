package metrics

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Defaults of [Options].
const (
	DefaultMaxSeries = 10_000
	DefaultForget    = 24 * time.Hour
	DefaultEvery     = 10 * time.Second
)

// MinMaxSeries is the least that [Options.MaxSeries] may be: every metric keeps room for its ~other series.
const MinMaxSeries = 200

// Options says what to count, and where to ask for what is counted elsewhere. The zero value counts events only.
type Options struct {
	// Version and Commit are those of this build, for tlstrace_build_info.
	Version, Commit string
	// Labels are the labels to keep of [ChoosableLabels]; without the others, what they told apart is added up. Nil keeps all, a slice
	// that is empty and not nil keeps none.
	Labels []string
	// MaxSeries bounds the time series of one metric; a histogram has several for each set of labels. 0 is [DefaultMaxSeries].
	MaxSeries int
	// Forget is how long a series stays that no longer changes, and whose workload is no longer on this node. 0 is [DefaultForget].
	Forget time.Duration
	// Every is how often [Metrics.Run] asks the sources. 0 is [DefaultEvery].
	Every time.Duration
	// SuccessesTold says that the tracer tells successes as events (tracer.Options.Successes), though the kernel has counted them.
	SuccessesTold bool
	// Runtime adds the metrics of the Go runtime and of this process (go_..., process_...).
	Runtime bool
	// Sources are asked at every scrape.
	Sources Sources
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// ChoosableLabels are the labels that [Options.Labels] may leave out. The others are what gives a metric its meaning.
func ChoosableLabels() []string {
	return []string{labelNamespace, labelWorkload, labelPeerNamespace, labelPeerWorkload, labelReason, labelLayer}
}

func (o Options) withDefaults() Options {
	if o.MaxSeries == 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.Forget == 0 {
		o.Forget = DefaultForget
	}
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Labels == nil {
		o.Labels = ChoosableLabels()
	}
	return o
}

// check refuses settings that a user may have got wrong.
func (o Options) check() error {
	for _, l := range o.Labels {
		if !slices.Contains(ChoosableLabels(), l) {
			return fmt.Errorf("metric label %q: the choice is %s", clean(l), strings.Join(ChoosableLabels(), ", "))
		}
	}
	switch {
	case o.MaxSeries < MinMaxSeries:
		return fmt.Errorf("%d series per metric: must be at least %d", o.MaxSeries, MinMaxSeries)
	case o.Forget < time.Minute:
		return fmt.Errorf("forget series after %s: must be at least a minute", o.Forget)
	case o.Every < 0:
		return fmt.Errorf("ask every %s: must not be negative", o.Every)
	}
	return nil
}

// Sources is what others count. Each may be nil. They are asked by one goroutine at a time, must not block, and their figures are
// expected to grow: one that falls has begun again at zero. A source that fails is asked again at the next scrape, and its metrics
// stay as they were.
type Sources struct {
	// Totals are the kernel's counts per cgroup, role and port.
	Totals func() ([]Total, error)
	// Name names the workload of a cgroup, as [NameOf] does; two empty strings are what is no pod.
	Name func(cgroup uint64) (namespace, workload string)
	// Workloads are those of this node: their counters are there, at zero, before anything fails.
	Workloads func() []Workload
	// Connections counts connections by how the kernel saw them end: succeeded, ended, plain, quiet.
	Connections func() (map[string]uint64, error)
	// Lost counts what could not be followed or told, by where it was lost, all along the way.
	Lost func() (map[string]uint64, error)
	// Folded counts the events that were folded into others: repeats, of which nothing is lost.
	Folded func() uint64
	// Shed counts the failures of which the kernel told no detail because too many were alike.
	Shed func() (uint64, error)
	// Hooks are the purposes for which something is attached in the kernel, or should be.
	Hooks func() []Hook
	// Libraries counts the files with TLS libraries.
	Libraries func() map[Library]int
	// Programs are the running times of the programs in the kernel; zero unless kernel.bpf_stats_enabled.
	Programs func() ([]Program, error)
	// Resets counts TCP resets.
	Resets func() (map[Reset]uint64, error)
	// Requests counts what was asked of the Kubernetes API server.
	Requests func() map[Request]uint64
	// Lookups counts the ends of events that were to be named, by how: answered, asked, late, refused.
	Lookups func() map[string]uint64
}

// Total counts the handshakes of one cgroup on one server port.
type Total struct {
	Cgroup    uint64
	Role      event.Side // of the local end
	Port      uint16     // of the server
	Succeeded uint64     // surely
	Ended     uint64     // before success was certain
	Latency   Latency    // of those that succeeded
}

// Latency counts by duration.
type Latency struct {
	// Buckets[i] counts what took at most 2^(i-20) seconds, and more than half of that.
	Buckets [latencyBuckets]uint64
	Sum     float64 // seconds
}

// latencyBuckets reach from a microsecond to half an hour.
const latencyBuckets = 32

// Workload is a workload of this node.
type Workload struct{ Namespace, Name string }

// Hook is one purpose that the kernel's hooks serve.
type Hook struct {
	Name     string
	Variant  string // what serves it; "" if nothing does
	Attached bool
}

// Library is a family of TLS libraries, and what became of probing it.
type Library struct{ Family, State string }

// Program is one BPF program.
type Program struct {
	Name    string
	Runs    uint64
	RunTime time.Duration
}

// Request is a kind of request to the Kubernetes API server, and how it ended.
type Request struct{ Kind, Result string }

// Reset is a kind of TCP reset.
type Reset struct {
	Direction string // sent, received
	Phase     string // handshake, other
}
