package others

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"

	"github.com/tlstrace/tlstrace/event"
)

// ResetScript is the bpftrace script.
//
//go:embed reset.bt
var ResetScript []byte

// bpftrace runs the script.
func bpftrace() Tool {
	return Tool{
		Name:  "bpftrace",
		Argv:  func(script string) []string { return []string{"bpftrace", "-B", "line", script} },
		parse: parseBpftrace,
		clock: func(i Instant) int64 { return i.Boot },
	}
}

var (
	bpftraceLine = regexp.MustCompile(`^(\d+) +\d+ +(.{1,16}?) +(RST|SSL_get_error)(.*)$`)
	resetDetail  = regexp.MustCompile(`^ (\S+) (\d+) > (\S+) (\d+)$`)
	callDetail   = regexp.MustCompile(`^\(ret=(-?\d+)\)$`)
	resultDetail = regexp.MustCompile(`^ = (\d+)$`)
)

// parseBpftrace reads a line of the script.
func parseBpftrace(line string) (Line, bool) {
	f := bpftraceLine.FindStringSubmatch(line)
	if f == nil {
		return Line{}, false
	}
	at, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return Line{}, false
	}
	l := Line{At: at, Process: f[2]}
	switch comm, detail := f[2], f[4]; {
	case f[3] == "RST" && resetDetail.MatchString(detail):
		l.reset(comm, resetDetail.FindStringSubmatch(detail))
	case callDetail.MatchString(detail):
		l.Text = fmt.Sprintf("%s: SSL_get_error(ret=%s)", comm, callDetail.FindStringSubmatch(detail)[1])
	case resultDetail.MatchString(detail):
		l.result(comm, resultDetail.FindStringSubmatch(detail)[1])
	default:
		return Line{}, false
	}
	return l, true
}

// reset names the end that sent it: the script tells the socket that a reset is sent from.
func (l *Line) reset(comm string, f []string) {
	l.Told = true
	l.Ends = f[2] != "0" && f[4] != "0"
	l.Reasons = []event.Reason{event.ResetByServer}
	if f[4] == strconv.Itoa(Port) {
		l.Reasons = []event.Reason{event.ResetByClient}
	}
	l.Text = fmt.Sprintf("%s: RST %s:%s > %s:%s", comm, f[1], anyPort(f[2]), f[3], anyPort(f[4]))
}

// anyPort writes N for a client's port, which is another one each time.
func anyPort(port string) string {
	if port == "0" || port == strconv.Itoa(Port) {
		return port
	}
	return "N"
}

// errorNames are the results of SSL_get_error that speak of a failure (ssl.h).
var errorNames = map[string]string{"1": "SSL_ERROR_SSL", "5": "SSL_ERROR_SYSCALL"}

func (l *Line) result(comm, code string) {
	name, failed := errorNames[code]
	l.Told = failed
	l.Text = fmt.Sprintf("%s: SSL_get_error = %s", comm, code)
	if failed {
		l.Text += " (" + name + ")"
	}
}
