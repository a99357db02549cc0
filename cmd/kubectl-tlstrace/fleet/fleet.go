package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// Options say which agents are read, and what of them.
type Options struct {
	Config *rest.Config // of the user
	Client kubernetes.Interface
	Where  Where
	Query  url.Values // as [stream.ParseFilter] takes it
	Past   bool       // only what the agents keep
	Way    string     // one of Ways
	Show   Show
	// Patience is how long an event waits for what another node tells of the same connection, and Survey how often agents are looked for.
	Patience, Survey time.Duration
	Now              func() time.Time
	Tell             func(text string) // tells the user about agents, one at a time
}

// ErrNoAgents says that there is nobody to ask.
var ErrNoAgents = errors.New("no agent is there")

// Fleet reads all agents.
type Fleet struct {
	options Options
	cancel  context.CancelFunc
	in      chan told
	running sync.WaitGroup
	over    chan struct{} // closed when all readers have ended
	joiner  *joiner

	mu      sync.Mutex
	readers map[string]*reader // by node
	unseen  map[string]string  // why, by node
	nodes   []string           // those that should have an agent; nil if that is not known
	warned  string             // the last trouble of a survey
}

// told is an event and the node that it came from.
type told struct {
	event.Event
	node string
}

// Open finds the agents and begins to read them. It fails if none can be looked for, or none is there.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	life, cancel := context.WithCancel(context.Background())
	f := &Fleet{
		options: o, cancel: cancel, in: make(chan told), over: make(chan struct{}),
		readers: map[string]*reader{}, unseen: map[string]string{},
	}
	f.joiner = newJoiner(o.Patience, f.alone)
	if err := f.survey(ctx, life); err != nil {
		cancel()
		return nil, err
	}
	if len(f.readers) == 0 && o.Past || len(f.readers)+len(f.troubled()) == 0 {
		cancel()
		return nil, f.nobody()
	}
	if !o.Past {
		f.running.Go(func() { f.watch(life) })
	}
	go func() {
		f.running.Wait()
		close(f.over)
	}()
	return f, nil
}

// nobody says where was looked, and what else can be done.
func (f *Fleet) nobody() error {
	where := "any namespace"
	if f.options.Where.Namespace != "" {
		where = "namespace " + f.options.Where.Namespace
	}
	text := fmt.Sprintf("pods with %s in %s", f.options.Where.Selector, where)
	if f.options.Where.Node != "" {
		text += " on node " + f.options.Where.Node
	}
	for _, why := range f.troubled() {
		text += "; " + why
	}
	return fmt.Errorf("%w: looked for %s", ErrNoAgents, text)
}

// watch looks for agents again and again.
func (f *Fleet) watch(ctx context.Context) {
	tick := time.NewTicker(f.options.Survey)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := f.survey(ctx, ctx)
			f.warn(ctx, err)
		}
	}
}

// warn tells that agents cannot be looked for, once for each reason.
func (f *Fleet) warn(ctx context.Context, err error) {
	text := ""
	if err != nil && ctx.Err() == nil {
		text = err.Error()
	}
	f.mu.Lock()
	news := text != "" && text != f.warned
	f.warned = text
	f.mu.Unlock()
	if news {
		f.options.Tell("agents cannot be looked for, those that are known are followed: " + sink.Escape(text, 400))
	}
}

// survey looks for agents, begins to read new ones, and leaves those that are gone. life is for the readers.
func (f *Fleet) survey(ctx, life context.Context) error {
	agents, err := Find(ctx, f.options.Client, f.options.Where)
	if err != nil {
		return err
	}
	names, err := nodes(ctx, f.options.Client, f.options.Where.Node)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.nodes = names
	} else if f.nodes == nil && f.warned == "" {
		f.warned = err.Error()
		defer f.options.Tell("which nodes have no agent is not known: " + sink.Escape(err.Error(), 400))
	}
	unseen := map[string]string{}
	for _, node := range f.nodes {
		unseen[node] = "no agent"
	}
	for _, a := range agents {
		delete(unseen, a.Node)
		if a.Trouble != "" {
			unseen[a.Node] = a.Trouble
		}
		if err := f.follow(life, a); err != nil {
			return err
		}
	}
	f.leave(agents)
	f.unseen = unseen
	return nil
}

// follow begins to read an agent that is not read yet. One that takes another's place is asked for what happened in between.
func (f *Fleet) follow(life context.Context, a Agent) error {
	old := f.readers[a.Node]
	if a.Trouble != "" || old != nil && old.agent.UID == a.UID {
		return nil
	}
	query := maps.Clone(f.options.Query)
	if old != nil {
		old.stop()
		query.Set("since", old.last().Format(time.RFC3339Nano))
		f.options.Tell(fmt.Sprintf("node %s: %s takes the place of %s", a.Node, a.name(), old.agent.name()))
	}
	r, err := newReader(life, f, a, query)
	if err != nil {
		return err
	}
	f.readers[a.Node] = r
	f.running.Go(r.run)
	return nil
}

// leave stops reading agents whose pods are gone, but remembers them: what takes their place goes on where they ended.
func (f *Fleet) leave(agents []Agent) {
	for node, r := range f.readers {
		there := slices.ContainsFunc(agents, func(a Agent) bool { return a.Node == node })
		if !there && !r.stopped() {
			r.stop()
			f.options.Tell(fmt.Sprintf("node %s: its agent %s is gone, and no other is there yet", node, r.agent.name()))
		}
	}
}

// Read is Next, but when ctx ends it first returns the events that wait for what another node may tell.
func (f *Fleet) Read(ctx context.Context) (event.Event, error) {
	e, err := f.Next(ctx)
	if err == nil || ctx.Err() == nil {
		return e, err
	}
	f.joiner.flush()
	if e, ok := f.joiner.next(); ok {
		return e, nil
	}
	return event.Event{}, err
}

// Next returns the next event. It ends with io.EOF after all that is kept if Past was asked for, and with the error of ctx.
func (f *Fleet) Next(ctx context.Context) (event.Event, error) {
	for {
		if e, ok := f.joiner.next(); ok {
			return e, nil
		}
		select {
		case t := <-f.in:
			f.joiner.add(t.Event, t.node, f.options.Now())
		case <-f.timer():
			f.joiner.expire(f.options.Now())
		case <-f.over:
			f.joiner.flush()
			if e, ok := f.joiner.next(); ok {
				return e, nil
			}
			return event.Event{}, io.EOF
		case <-ctx.Done():
			return event.Event{}, ctx.Err()
		}
	}
}

// timer fires when an event has waited long enough. With Past all that can come comes at once: nothing waits for a time.
func (f *Fleet) timer() <-chan time.Time {
	due, ok := f.joiner.due()
	if !ok || f.options.Past {
		return nil
	}
	return time.After(due.Sub(f.options.Now()))
}

// Close leaves all agents.
func (f *Fleet) Close() error {
	f.cancel()
	<-f.over
	return nil
}

// Stats are for the reader of events: between two Reads.
func (f *Fleet) Stats() Stats { return f.joiner.stats }

// alone says whether nobody but this node can tell of a connection: there is no other agent, or the other end is on a node without one.
func (f *Fleet) alone(e *event.Event, node string) bool {
	other := e.Server
	if e.ObservedFrom == event.FromServer {
		other = e.Client
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.readers) < 2 {
		return true
	}
	if other.K8s == nil || other.K8s.Node == "" {
		return false
	}
	r := f.readers[other.K8s.Node]
	return other.K8s.Node == node || r == nil || !r.here()
}
