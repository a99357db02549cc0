package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type options struct {
	binary     string
	handshakes int
	duration   time.Duration
	mixed      bool
	rate       int
	page       string
}

const (
	lookEvery = 10 * time.Second
	// warmUp is when "before" is: the agent has then seen every kind of load, and a heap has its size.
	warmUp = time.Minute
	// warmUpMixed is longer: the tables of cgroups that come and go have to be full. It is half of a run that is short.
	warmUpMixed = 10 * time.Minute
	// settling is how long after the load "after" is: longer than anything is kept of a connection that has ended.
	settling = 75 * time.Second
)

// world is everything that a run needs.
type world struct {
	o      options
	dir    string   // files of the peers
	home   string   // cgroup v2 directory that is traced
	cgroup *os.File // the same
	agent  *agent
	lanes  []*lane
	churn  *churn
	begun  time.Time
	seen   []snapshot
}

// run loads an agent, and writes what it had.
func run(ctx context.Context, o options) (err error) {
	w := &world{o: o}
	if err := lookFor("nginx", "openssl", "curl"); err != nil {
		return err
	}
	if w.dir, err = os.MkdirTemp("", "tlstrace-soak-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(w.dir)) }()
	if err := errors.Join(os.Chmod(w.dir, 0o755), writeCertificate(w.dir), w.makeCgroup()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.removeCgroup()) }()
	address, stopNginx, err := w.startNginx()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopNginx()) }()
	w.choose(address)
	if w.agent, err = startAgent(o.binary, w.home, w.dir); err != nil {
		return err
	}
	err = w.load(ctx)
	return errors.Join(err, w.agent.stop(), w.report())
}

// choose makes the lanes of the load.
func (w *world) choose(nginx string) {
	w.lanes = []*lane{
		w.shakes("tls13", w.o.rate), w.shakes("tls12", w.o.rate), w.shakes("mutual", w.o.rate),
		w.timed("tls1_3", nginx), w.timed("tls1_2", nginx), w.curls(nginx, 500*time.Millisecond),
	}
	if w.o.mixed {
		w.churn = newChurn(w)
		w.lanes = append(w.lanes, w.shakes("distrust", 20))
		w.lanes = append(w.lanes, w.churn.lanes()...)
	}
}

// load runs the lanes until enough was made, and looks at the agent all the while.
func (w *world) load(ctx context.Context) error {
	ctx, enough := context.WithTimeout(ctx, w.o.duration)
	defer enough()
	w.begun = time.Now()
	var running sync.WaitGroup
	errs := make(chan error, len(w.lanes))
	for _, l := range w.lanes {
		running.Go(func() {
			if err := l.run(ctx, l); err != nil {
				errs <- fmt.Errorf("%s: %w", l.name, err)
				enough()
			}
		})
	}
	err := w.watch(ctx, enough)
	running.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	fmt.Printf("the load is over after %s, looking again in %s\n", time.Since(w.begun).Round(time.Second), settling)
	time.Sleep(settling)
	return w.look(context.Background())
}

// watch looks at the agent until ctx is done, and ends the load when enough was made.
func (w *world) watch(ctx context.Context, enough func()) error {
	for tick := time.NewTicker(lookEvery); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			return errors.Join(err, errors.New("the agent cannot be looked at"))
		}
		if made, _ := w.made(); !w.o.mixed && made >= uint64(w.o.handshakes) {
			enough()
		}
	}
}

func (w *world) look(ctx context.Context) error {
	s, err := w.snapshot(ctx)
	if err != nil {
		return err
	}
	w.seen = append(w.seen, s)
	fmt.Printf("%6s %9d made %7d failed %7d told %5.1f MB %3d fds %v\n", s.after.Round(time.Second), s.made, s.failed, s.told,
		float64(s.resident)/1e6, s.descriptors, s.objects)
	return nil
}

// made counts the handshakes so far: those that succeeded, and those that were made to fail.
func (w *world) made() (healthy, failed uint64) {
	for _, l := range w.lanes {
		if l.fails {
			failed += l.count.Load()
		} else {
			healthy += l.count.Load()
		}
	}
	return healthy, failed
}

// makeCgroup makes the cgroup in which everything runs that the agent sees.
func (w *world) makeCgroup() error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			w.home = filepath.Join(f[1], fmt.Sprintf("tlstrace-soak-%d", os.Getpid()))
			if err := os.Mkdir(w.home, 0o755); err != nil {
				return err
			}
			w.cgroup, err = os.Open(w.home)
			return err
		}
	}
	return errors.New("no cgroup v2 hierarchy is mounted")
}

// removeCgroup removes the cgroup of the run.
func (w *world) removeCgroup() error {
	return errors.Join(w.cgroup.Close(), removeWhenEmpty(w.home))
}

// removeWhenEmpty removes a cgroup when the last of its processes is gone.
func removeWhenEmpty(dir string) error {
	var err error
	for range 1000 {
		if err = os.Remove(dir); !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}
