// Command kubectl-tlstrace is kubectl tlstrace: it shows the failed TLS handshakes of a cluster, from all its agents at once, with the
// user's own credentials.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/tlstrace/tlstrace/cmd/kubectl-tlstrace/fleet"
	"github.com/tlstrace/tlstrace/sink"
)

// Exit codes of every command.
const (
	exitFine     = 0
	exitUsage    = 2 // wrong use, or something that could not be read or written
	exitNoAgents = 3 // nobody in the cluster can tell, or the user may not ask
)

// buildVersion is set by the linker.
var buildVersion = "dev"

// world is what a command may touch outside of itself.
type world struct {
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	tell   *teller
}

func main() {
	// A closed pipe (kubectl tlstrace watch | head) has to come back as an error, so that an ad hoc pod is removed.
	signal.Ignore(syscall.SIGPIPE)
	klog.SetLogger(klog.Logger{}) // client-go's own words are no part of what a user reads
	w := &world{stdout: os.Stdout, stderr: os.Stderr, now: time.Now, tell: &teller{out: os.Stderr}}
	os.Exit(w.run(os.Args[1:]))
}

// run executes one command line and returns the exit code.
func (w *world) run(args []string) int {
	root := newRoot(w)
	root.SetArgs(args)
	err := root.Execute()
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintf(w.stderr, "kubectl tlstrace: %v\n", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	refused := new(fleet.ErrNotAllowed)
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitFine
	case errors.Is(err, fleet.ErrNoAgents), errors.As(err, &refused):
		return exitNoAgents
	}
	return exitUsage
}

// teller writes lines about the agents, one at a time.
type teller struct {
	mu  sync.Mutex
	out io.Writer
}

func (t *teller) tell(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.out, "kubectl tlstrace:", sink.Escape(text, 2000))
}
