package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Times of reading the configuration again.
const (
	reloadPause = 200 * time.Millisecond // a file that is being written gets that long to be whole
	reloadLook  = time.Minute            // it is looked at that often where changes are not announced
)

// liveFlags can change while the agent runs.
var liveFlags = []string{
	"fold", "reason", "layer", "namespace", "pod", "from-pod", "to-pod", "from-workload", "to-workload", "sni", "port", "pid", "comm",
}

// reloader reads the settings again, the way in which they were read at the start, and hands those on that are good.
type reloader struct {
	w     *world
	path  string         // of the configuration; "" without one
	first *pflag.FlagSet // what the agent was started with
	last  *pflag.FlagSet // what was read last
	apply func(*agentFlags) error
	log   *slog.Logger

	mu     sync.Mutex
	good   bool
	at     time.Time // of the last good one
	digest [sha256.Size]byte
}

func newReloader(w *world, f *agentFlags, apply func(*agentFlags) error, log *slog.Logger) *reloader {
	r := &reloader{w: w, path: f.config, first: f.given, last: f.given, apply: apply, log: log, good: true, at: w.now()}
	r.changed()
	return r
}

// run reads the file when it has changed and when hup says so, until ctx is done.
func (r *reloader) run(ctx context.Context, hup <-chan os.Signal) {
	changes, stop := r.watch()
	defer stop()
	look := time.NewTicker(reloadLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			r.changed()
			r.reload()
		case <-look.C:
			r.reloadIfChanged()
		case _, ok := <-changes:
			if !ok {
				changes = nil
				continue
			}
			subside(ctx, changes)
			r.reloadIfChanged()
		}
	}
}

// watch announces changes in the directory of the file: the file itself is another one after an editor or Kubernetes has
// replaced it (a ConfigMap changes by the link ..data).
func (r *reloader) watch() (<-chan fsnotify.Event, func()) {
	if r.path == "" {
		return nil, func() {}
	}
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(filepath.Dir(r.path))
		if err != nil {
			watcher.Close()
		}
	}
	if err != nil {
		r.log.Warn("changes of the configuration are seen within a minute only", "error", err.Error())
		return nil, func() {}
	}
	go func() {
		for range watcher.Errors { // it ends with the watcher; what was missed, the next look finds
		}
	}()
	return watcher.Events, func() { watcher.Close() }
}

// subside waits until changes stop coming.
func subside(ctx context.Context, changes <-chan fsnotify.Event) {
	for quiet := time.NewTimer(reloadPause); ; quiet.Reset(reloadPause) {
		select {
		case _, ok := <-changes:
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		case <-quiet.C:
			return
		}
	}
}

// changed says whether the content of the file is another than at the last call.
func (r *reloader) changed() bool {
	if r.path == "" {
		return false
	}
	text, err := readSmall(r.path, maxConfigBytes)
	if err != nil {
		text = []byte(err.Error()) // that it is gone is a change, once
	}
	digest := sha256.Sum256(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.digest
	r.digest = digest
	return was != digest
}

func (r *reloader) reloadIfChanged() {
	if r.changed() {
		r.reload()
	}
}

// reload reads the settings; bad ones are told, and the old ones stay.
func (r *reloader) reload() {
	f, err := reread(r.w)
	if err == nil {
		err = r.apply(f)
	}
	r.mu.Lock()
	r.good = err == nil
	if r.good {
		r.at = r.w.now()
	}
	r.mu.Unlock()
	if err != nil {
		r.log.Error("the configuration is refused, the old one stays", "error", err.Error())
		return
	}
	changed, waiting := r.difference(f.given)
	r.last = f.given
	r.log.Info("the configuration was read again", "changed", changed, "needs_a_restart", waiting)
}

// difference names the settings that have changed with this reading, and those that are not as they were at the start and need a
// restart.
func (r *reloader) difference(is *pflag.FlagSet) (changed, waiting []string) {
	changed, waiting = []string{}, []string{}
	is.VisitAll(func(f *pflag.Flag) {
		live := slices.Contains(liveFlags, f.Name)
		switch {
		case live && !same(r.last, f):
			changed = append(changed, f.Name)
		case !live && !same(r.first, f):
			waiting = append(waiting, f.Name)
		}
	})
	return changed, waiting
}

func same(was *pflag.FlagSet, f *pflag.Flag) bool {
	old := was.Lookup(f.Name)
	return old != nil && old.Value.String() == f.Value.String()
}

// lastGood is 1 if the settings that were read last are in force, else 0.
func (r *reloader) lastGood() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.good {
		return 1
	}
	return 0
}

// lastGoodAt is when the settings in force were read, in seconds since 1970.
func (r *reloader) lastGoodAt() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return float64(r.at.UnixMilli()) / 1000
}

// reread parses the command line, the environment and the file as at the start.
func reread(w *world) (*agentFlags, error) {
	root := newRoot(w)
	for _, cmd := range root.Commands() {
		if cmd.Name() == "agent" {
			root.RemoveCommand(cmd)
		}
	}
	cmd, f := agentCommand(w)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.settle(cmd, w.args) }
	root.AddCommand(cmd)
	root.SetArgs(w.args)
	return f, root.Execute()
}

// located puts the line of the file in front of an error about a flag that the file has set.
func located(err error, file configFile, args []string) error {
	name, isFlag := strings.CutPrefix(err.Error(), "--")
	name = strings.TrimRight(strings.SplitN(name, " ", 2)[0], ":")
	onCommandLine := slices.ContainsFunc(args, func(arg string) bool {
		return arg == "--"+name || strings.HasPrefix(arg, "--"+name+"=")
	})
	if !isFlag || onCommandLine || os.Getenv(variable(name)) != "" || file.lines[name] == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", file.at(name), err)
}
