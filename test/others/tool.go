package others

import (
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// Port is where every server listens: the port that the script filters on, and that tshark takes for TLS unasked.
const Port = 443

// Tool is a program that people watch handshakes with.
type Tool struct {
	Name string // as it stands in [Result]
	// Argv is its command line; script is the path of the bpftrace script.
	Argv func(script string) []string
	// parse reads a line of its output; false if the line is no finding.
	parse func(line string) (Line, bool)
	// clock picks the clock that the tool's times are of.
	clock func(Instant) int64
}

// Instant is a moment on two clocks, in nanoseconds.
type Instant struct {
	Wall int64 `json:"wall"` // since 1970
	Boot int64 `json:"boot"` // since the machine started (CLOCK_BOOTTIME)
}

// Window is when a scenario was played.
type Window struct {
	Scenario string  `json:"scenario"`
	Began    Instant `json:"began"`
	Ended    Instant `json:"ended"`
}

// Line is one line that a tool printed.
type Line struct {
	At   int64  // on the tool's clock, in nanoseconds
	Text string // without what differs between two runs: process ids and the clients' ports
	// Told says that the line speaks of a failure to a reader who knows the tool: an alert in clear, a reset, an error code
	// of OpenSSL that is neither success nor a request to wait.
	Told bool
	// Reasons are what the line may be read as, all of them; empty if it names no reason.
	Reasons []event.Reason
	Ends    bool   // both ends are named, address and port
	Process string // that the line names; empty if none
}

// Tools are the tools of the comparison.
func Tools() []Tool {
	return []Tool{tshark(), bpftrace()}
}

// Lines parses what the tool printed.
func (tool Tool) Lines(output string) []Line {
	var lines []Line
	for text := range splitLines(output) {
		if line, ok := tool.parse(text); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// during picks the lines of a window.
func (tool Tool) during(w Window, lines []Line) []Line {
	var own []Line
	for _, l := range lines {
		if tool.clock(w.Began) <= l.At && l.At <= tool.clock(w.Ended) {
			own = append(own, l)
		}
	}
	return own
}

// since says whether a line was printed at or after a moment.
func (tool Tool) since(i Instant, output string) bool {
	for _, l := range tool.Lines(output) {
		if l.At >= tool.clock(i) {
			return true
		}
	}
	return false
}

// Nanoseconds of the wall clock as a tool prints them: seconds with a fraction.
func wallTime(seconds, fraction string) (int64, bool) {
	d, err := time.ParseDuration("0." + fraction + "s")
	if err != nil {
		return 0, false
	}
	s, err := time.ParseDuration(seconds + "s")
	return int64(s + d), err == nil
}
