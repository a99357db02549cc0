// Command tlstrace tells which TLS handshake failed on this machine, between whom, at which step, who gave up, and why.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/tracer"
)

// Exit codes of every command.
const (
	exitFine     = 0
	exitFindings = 1 // a check found something
	exitUsage    = 2 // wrong use, or something that could not be read or written
	exitNoTrace  = 3 // handshakes cannot be traced here
)

// world is what a command may touch outside of itself.
type world struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	now     func() time.Time
	proc    string // root of procfs
	cgroups string // where the hierarchies of cgroups are mounted
	self    string // path of this program, for the peers of the demo
	euid    int
	agent   string   // URL of the agent that may run on this machine
	args    []string // the command line that runs, for reading the configuration again
	open    func(tracer.Options) (source, error)
	probe   func(tracer.Options) tracer.Report
}

func main() {
	// A closed pipe (tlstrace watch | head) has to come back as an error, so that the tracer is closed and the ready file removed.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(theWorld().run(os.Args[1:]))
}

func theWorld() *world {
	return &world{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		now:     time.Now,
		proc:    "/proc",
		cgroups: "/sys/fs/cgroup",
		self:    "/proc/self/exe",
		euid:    os.Geteuid(),
		agent:   "http://" + defaultListen,
		open:    func(o tracer.Options) (source, error) { return openTracer(o) },
		probe:   tracer.Probe,
	}
}

// run executes one command line and returns the exit code.
func (w *world) run(args []string) int {
	w.args = args
	root := newRoot(w)
	root.SetArgs(args)
	err := root.Execute()
	if err != nil && !toldAlready(err) {
		fmt.Fprintf(w.stderr, "tlstrace: %s\n", w.explain(err, args))
	}
	return exitCode(err)
}
