package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/mesh/proxylog"
	"github.com/tlstrace/tlstrace/sink"
)

// logInputs are the logs to read.
type logInputs struct {
	paths   []string
	rotated bool
}

// logSource reads logs: one after the other, or all at the same time if they are followed.
type logSource struct {
	events chan line
	cancel context.CancelFunc
	done   sync.WaitGroup
	files  int

	mu      sync.Mutex
	readers []*proxylog.Reader // that have not come to their ends
	total   proxylog.Stats     // of those that have
}

// openLog is one log, not read yet.
type openLog struct {
	name string
	in   io.ReadCloser
	pod  *event.K8s
}

// openLogs opens what can be opened without reading it. Reading is done by goroutines, so that waiting for input can be interrupted.
func openLogs(ctx context.Context, w *world, inputs logInputs, o proxylog.Options, follow bool) (*logSource, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &logSource{events: make(chan line), cancel: cancel}
	var err error
	if follow {
		err = s.follow(ctx, w, inputs.paths, o)
	} else {
		err = s.once(ctx, w, inputs, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	go func() {
		s.done.Wait()
		close(s.events)
	}()
	return s, nil
}

// once reads the logs in their order.
func (s *logSource) once(ctx context.Context, w *world, inputs logInputs, o proxylog.Options) error {
	var paths []string
	for _, path := range inputs.paths {
		if path == "-" || !inputs.rotated {
			paths = append(paths, path)
			continue
		}
		all, err := proxylog.Rotations(path)
		if err != nil {
			return fmt.Errorf("reading logs: %w", err)
		}
		paths = append(paths, all...)
	}
	for _, path := range paths { // what is not there should be told before anything is read
		if path == "-" {
			continue
		}
		file, err := proxylog.Open(path)
		if err != nil {
			return fmt.Errorf("reading logs: %w", err)
		}
		file.Close() // it was only tried
	}
	s.files = len(paths)
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		for _, path := range paths {
			if !s.readFile(ctx, w, path, o) {
				return
			}
		}
	}()
	return nil
}

// readFile reads one log to its end, and says whether to go on.
func (s *logSource) readFile(ctx context.Context, w *world, path string, o proxylog.Options) bool {
	if path == "-" {
		in, err := proxylog.Decompress(w.stdin)
		if err != nil {
			return s.send(ctx, line{err: fmt.Errorf("reading standard input: %w", err)})
		}
		return s.read(ctx, openLog{name: "standard input", in: io.NopCloser(in)}, o)
	}
	file, err := proxylog.Open(path)
	if err != nil {
		return s.send(ctx, line{err: fmt.Errorf("reading logs: %w", err)})
	}
	return s.read(ctx, openLog{name: path, in: file, pod: proxylog.PodOf(path)}, o)
}

// follow reads all logs at the same time, each for as long as ctx is not done.
func (s *logSource) follow(ctx context.Context, w *world, paths []string, o proxylog.Options) error {
	var opened []openLog
	for _, path := range paths {
		if path == "-" {
			opened = append(opened, openLog{name: "standard input", in: io.NopCloser(w.stdin)})
			continue
		}
		tail, err := proxylog.Follow(ctx, path, proxylog.TailOptions{})
		if err != nil {
			for _, log := range opened {
				log.in.Close() // nothing was read
			}
			return err
		}
		opened = append(opened, openLog{name: path, in: tail, pod: proxylog.PodOf(path)})
	}
	s.files = len(opened)
	for _, log := range opened {
		s.done.Go(func() { s.read(ctx, log, o) })
	}
	return nil
}

// read reads one log, and says whether to go on with the next.
func (s *logSource) read(ctx context.Context, log openLog, o proxylog.Options) bool {
	defer log.in.Close() // it was only read
	o.Pod = log.pod
	r := proxylog.NewReader(log.in, o)
	s.mu.Lock()
	s.readers = append(s.readers, r)
	s.mu.Unlock()
	defer s.retire(r)
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return ctx.Err() == nil
		}
		if err != nil {
			err = fmt.Errorf("reading %s: %w", sink.Escape(log.name, 200), err)
		}
		if !s.send(ctx, line{e, err}) || err != nil {
			return false
		}
	}
}

func (s *logSource) send(ctx context.Context, l line) bool {
	select {
	case s.events <- l:
		return true
	case <-ctx.Done():
		return false
	}
}

// Read returns the next failure; io.EOF at the end.
func (s *logSource) Read(ctx context.Context) (event.Event, error) {
	select {
	case <-ctx.Done():
		return event.Event{}, ctx.Err()
	case l, ok := <-s.events:
		if !ok {
			return event.Event{}, io.EOF
		}
		return l.event, l.err
	}
}

// Close ends reading. Standard input cannot be interrupted: its reader is left behind.
func (s *logSource) Close() error {
	s.cancel()
	return nil
}

// retire keeps what a reader has counted, and lets it go.
func (s *logSource) retire(r *proxylog.Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Add(r.Stats())
	s.readers = slices.DeleteFunc(s.readers, func(other *proxylog.Reader) bool { return other == r })
}

// counted is what was read, also by a reader that still waits for more.
func (s *logSource) counted() proxylog.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.total
	for _, r := range s.readers {
		all.Add(r.Stats())
	}
	return all
}

// lost is what the figures leave out.
func (s *logSource) lost() map[string]uint64 {
	return map[string]uint64{"lines longer than 1 MiB": s.counted().TooLong}
}

// summary says what was read.
func (s *logSource) summary(out io.Writer) {
	n := s.counted()
	var text strings.Builder
	fmt.Fprintf(&text, "\nread %s (%s) of %s: %s", spellMany(n.Lines, "line"), spellSize(n.Bytes), spellMany(uint64(s.files), "log"),
		spellMany(n.Failures, "TLS failure"))
	if n.Unknown > 0 {
		fmt.Fprintf(&text, "\ncould not be parsed: %s with words about TLS in a shape that is not known; --format tells that of an access log",
			spellMany(n.Unknown, "line"))
	}
	fmt.Fprintln(out, text.String())
}

func spellMany(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// spellSize spells bytes in powers of 1000, as logs are measured.
func spellSize(n uint64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	size, unit := float64(n)/1000, 0
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
