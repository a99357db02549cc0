package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// subject is what watches the proxy, and is compared with nothing.
type subject struct {
	name    string
	what    string // the command, as the page shows it
	logged  bool   // the proxy writes an access log and tells of handshakes
	capture string // of the agent
	isAgent bool
	serves  func(profile) bool
	start   func(ctx context.Context, l *lab) (*watcher, error)
	settle  func(ctx context.Context, l *lab, p profile, w *watcher) error // nil: it is left alone for a moment
}

// settled starts it and waits until it does what it does for months.
func (s subject) settled(ctx context.Context, l *lab, p profile) (*watcher, error) {
	w, err := s.start(ctx, l)
	if err != nil || s.settle == nil {
		time.Sleep(settling)
		return w, err
	}
	return w, s.settle(ctx, l, p, w)
}

// watcher is a subject that runs.
type watcher struct {
	*process
	listen string // address of the agent's metrics
	end    syscall.Signal
}

func (w *watcher) close() error { return w.stop(w.end) }

// handshakesOnly is what tcpdump is told to keep: segments that begin with a handshake record.
const handshakesOnly = "tcp[((tcp[12] & 0xf0) >> 2)] = 0x16"

// libssl is where Debian has OpenSSL, which every program here uses.
const libssl = "/usr/lib/*-linux-gnu/libssl.so.3"

// getErrors is the half of the well-known bpftrace script that sees libraries. The other half, a kprobe on resets, needs kprobes, and costs
// nothing while there are none.
const getErrors = `BEGIN { printf("ready\n"); }
uprobe:%[1]s:SSL_get_error { printf("%%-6d %%-16s SSL_get_error(ret=%%d)\n", pid, comm, (int32)arg1); }
uretprobe:%[1]s:SSL_get_error { printf("%%-6d %%-16s SSL_get_error = %%d\n", pid, comm, (int32)retval); }
`

// others are what people use today: each looks at less than the agent does.
var others = []subject{
	{
		name: "tcpdump", what: "`tcpdump -i lo -w FILE '" + handshakesOnly + "'`", serves: nginxChains,
		start: func(ctx context.Context, l *lab) (*watcher, error) {
			return l.watch(ctx, "listening on", "tcpdump", "-i", "lo", "-n", "-Z", "root", "-w", filepath.Join(l.dir, "handshakes.pcap"), handshakesOnly)
		},
	},
	{
		name: "tshark", what: "`tshark -i lo -f 'tcp and (port PROXY or port SERVER)' -Y tls.alert_message`", serves: nginxChains,
		start: func(ctx context.Context, l *lab) (*watcher, error) {
			argv := []string{"tshark", "-i", "lo", "-l", "-n", "-Y", "tls.alert_message"}
			var filter []string
			for _, port := range append(l.proxyPorts(), l.server) {
				filter = append(filter, fmt.Sprintf("port %d", port))
				argv = append(argv, "-d", fmt.Sprintf("tcp.port==%d,tls", port))
			}
			return l.watch(ctx, "Capturing on", append(argv, "-f", "tcp and ("+strings.Join(filter, " or ")+")")...)
		},
	},
	{
		name: "bpftrace", what: "the well-known script's uprobe and uretprobe on `SSL_get_error`; its kprobe on resets is left out", serves: nginxChains,
		start: func(ctx context.Context, l *lab) (*watcher, error) {
			found, err := filepath.Glob(libssl)
			if err != nil || len(found) == 0 {
				return nil, fmt.Errorf("no OpenSSL 3 at %s: %w", libssl, err)
			}
			return l.watch(ctx, "ready", "bpftrace", "-B", "line", "-e", fmt.Sprintf(getErrors, found[0]))
		},
	},
	{
		name: "logs", logged: true, what: "the proxy's `access_log` and `error_log ... info`, followed by five regular expressions in Python",
		serves: nginxChains,
		start: func(ctx context.Context, l *lab) (*watcher, error) {
			if err := os.WriteFile(l.log, nil, 0o600); err != nil {
				return nil, err
			}
			script := filepath.Join(l.dir, "scrape.py")
			if err := os.WriteFile(script, scrape, 0o600); err != nil {
				return nil, err
			}
			return l.watch(ctx, "following", "python3", script, l.log)
		},
	},
}

// nginxChains are enough for a comparison.
func nginxChains(p profile) bool { return p.proxy == "nginx" && !p.lean }

// watch starts a program that says when it is ready.
func (l *lab) watch(ctx context.Context, ready string, argv ...string) (*watcher, error) {
	p, err := startIn(l.tool, othersCPU(), argv...)
	if err != nil {
		return nil, err
	}
	w := &watcher{process: p, end: syscall.SIGINT}
	return w, p.until(ctx, "it says "+ready, func() bool { return strings.Contains(p.said.String(), ready) })
}

// settling is how long a watcher is left alone before it is measured.
const settling = 300 * time.Millisecond

func (l *lab) proxyPorts() []int {
	var all []int
	for _, at := range l.at {
		all = append(all, at.keepAlive, at.handshakes)
	}
	return all
}
