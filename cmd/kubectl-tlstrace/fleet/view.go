package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// View says what is seen and what is not.
type View struct {
	Seen   map[string]string // the way to the agent, by node
	Unseen map[string]string // why not, by node
	// Known says that the nodes of the cluster are known: else there may be some without an agent.
	Known bool
}

// View returns what is seen now.
func (f *Fleet) View() View {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := View{Seen: map[string]string{}, Unseen: maps.Clone(f.unseen), Known: f.nodes != nil}
	for node, r := range f.readers {
		r.mu.Lock()
		switch {
		case r.stopped() && !r.fleet.options.Past:
			if v.Unseen[node] == "" {
				v.Unseen[node] = "its agent is gone"
			}
		case r.trouble != "":
			v.Unseen[node] = r.trouble
		case r.connected:
			v.Seen[node] = r.route.via()
		default:
			v.Unseen[node] = "not connected yet"
		}
		r.mu.Unlock()
	}
	return v
}

// troubled are the reasons for which agents cannot be asked.
func (f *Fleet) troubled() []string {
	var all []string
	for _, node := range slices.Sorted(maps.Keys(f.unseen)) {
		if why := f.unseen[node]; why != "no agent" {
			all = append(all, "node "+node+": "+why)
		}
	}
	return all
}

// Settle waits until every agent has been reached, or has failed once; at most so long.
func (f *Fleet) Settle(ctx context.Context, longest time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f.settled() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (f *Fleet) settled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.readers {
		r.mu.Lock()
		tried := r.tried
		r.mu.Unlock()
		if !tried {
			return false
		}
	}
	return true
}

// maxNamed bounds how many nodes a line names.
const maxNamed = 10

// String tells it in one line.
func (v View) String() string {
	text := fmt.Sprintf("%d of %d nodes", len(v.Seen), len(v.Seen)+len(v.Unseen))
	if len(v.Unseen) == 0 && v.Known && len(v.Seen) == 1 {
		text = "the node"
	} else if len(v.Unseen) == 0 && v.Known {
		text = fmt.Sprintf("all %d nodes", len(v.Seen))
	} else if !v.Known {
		text = fmt.Sprintf("%d nodes of those that have an agent", len(v.Seen))
	}
	ways := slices.Compact(slices.Sorted(maps.Values(v.Seen)))
	if len(ways) > 0 {
		text += " (by " + strings.Join(ways, " and ") + ")"
	}
	if len(v.Unseen) == 0 {
		return text
	}
	var why []string
	for _, node := range slices.Sorted(maps.Keys(v.Unseen)) {
		if len(why) == maxNamed {
			why = append(why, fmt.Sprintf("and %d more", len(v.Unseen)-maxNamed))
			break
		}
		why = append(why, node+": "+v.Unseen[node])
	}
	return text + "; not seen: " + strings.Join(why, "; ")
}
