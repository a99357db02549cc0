package stream

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// The bounds of a query. A pattern need not be longer than the longest DNS name by much.
const (
	maxItems = 256
	maxItem  = 300
)

// The keys of a query that are no filter.
const keyFollow = "follow"

// query is what a reader asks for.
type query struct {
	filter sink.Filter
	follow *bool // nil: not said
}

// ParseFilter reads a filter from a query. Its keys are the names of watch's flags: all, reason, layer, namespace, pod, from-pod,
// to-pod, from-workload, to-workload, sni, port, pid, comm, since. A key that takes several values may be repeated, or hold them with commas; an empty value is as
// none. since is a time (RFC 3339), or how long before now ("10m"). An error names the key, and for an unknown one the nearest.
func ParseFilter(values url.Values, now time.Time) (sink.Filter, error) {
	q, err := parse(values, now, false)
	return q.filter, err
}

// parseQuery is [ParseFilter] with the keys that are none.
func parseQuery(raw string, now time.Time) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, fmt.Errorf("the query cannot be read: %s", sink.Escape(err.Error(), maxItem))
	}
	return parse(values, now, true)
}

func parse(values url.Values, now time.Time, stream bool) (query, error) {
	var q query
	keys := q.keys(now)
	if !stream {
		delete(keys, keyFollow)
	}
	for _, key := range sortedKeys(values) {
		set, known := keys[key]
		if !known {
			return query{}, unknownKey(key, sortedKeys(keys))
		}
		items, err := itemsOf(values[key])
		if err == nil {
			err = set(items)
		}
		if err != nil {
			return query{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	filter, err := sink.NewFilter(q.filter)
	q.filter = filter
	return q, err
}

// keys are the setters of a query, by the names of their keys.
func (q *query) keys(now time.Time) map[string]func([]string) error {
	f := &q.filter
	return map[string]func([]string) error{
		"all":       func(items []string) (err error) { f.All, err = yes(items); return err },
		"reason":    func(items []string) error { f.Reasons = typed[event.Reason](items); return nil },
		"layer":     func(items []string) error { f.Layers = typed[event.Layer](items); return nil },
		"namespace": one(&f.Namespace),
		"pod":       one(&f.Pod),
		"from-pod":  one(&f.FromPod),
		"to-pod":    one(&f.ToPod),

		"from-workload": one(&f.FromWorkload),
		"to-workload":   one(&f.ToWorkload),

		"sni":   func(items []string) error { f.SNI = items; return nil },
		"comm":  func(items []string) error { f.Comms = items; return nil },
		"port":  func(items []string) (err error) { f.Ports, err = ports(items); return err },
		"pid":   func(items []string) (err error) { f.PIDs, err = pids(items); return err },
		"since": func(items []string) (err error) { f.Since, err = moment(items, now); return err },
		keyFollow: func(items []string) error {
			on, err := yes(items)
			q.follow = &on
			return err
		},
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func unknownKey(key string, known []string) error {
	shown := sink.Escape(key, 60)
	if near := sink.Nearest(key, known); near != "" {
		return fmt.Errorf("unknown key %q: did you mean %q?", shown, near)
	}
	return fmt.Errorf("unknown key %q: there are %s", shown, strings.Join(known, ", "))
}

// itemsOf splits values at their commas, and leaves empty ones out.
func itemsOf(values []string) ([]string, error) {
	var items []string
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			switch item = strings.TrimSpace(item); {
			case item == "":
				continue
			case len(item) > maxItem:
				return nil, fmt.Errorf("longer than %d bytes", maxItem)
			case len(items) == maxItems:
				return nil, fmt.Errorf("more than %d values", maxItems)
			}
			items = append(items, item)
		}
	}
	return items, nil
}

var errOnce = errors.New("takes one value")

// single is the only item, or "".
func single(items []string) (string, error) {
	switch len(items) {
	case 0:
		return "", nil
	case 1:
		return items[0], nil
	}
	return "", errOnce
}

func one(into *string) func([]string) error {
	return func(items []string) (err error) {
		*into, err = single(items)
		return err
	}
}

// yes reads a switch. A key without a value turns it on.
func yes(items []string) (bool, error) {
	text, err := single(items)
	if err != nil || text == "" {
		return err == nil, err
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", sink.Escape(text, 60))
	}
	return on, nil
}

func ports(items []string) ([]uint16, error) {
	var all []uint16
	for _, item := range items {
		n, err := strconv.ParseUint(item, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no port: they are 1 to 65535", sink.Escape(item, 60))
		}
		all = append(all, uint16(n))
	}
	return all, nil
}

func pids(items []string) ([]int, error) {
	var all []int
	for _, item := range items {
		n, err := strconv.ParseInt(item, 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is no process id", sink.Escape(item, 60))
		}
		all = append(all, int(n))
	}
	return all, nil
}

// moment reads a time, or how long ago it was.
func moment(items []string, now time.Time) (time.Time, error) {
	text, err := single(items)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a duration such as 10m nor a time such as 2026-01-31T15:04:05Z", sink.Escape(text, 60))
	}
	return at, nil
}

func typed[S ~string](items []string) []S {
	var all []S
	for _, item := range items {
		all = append(all, S(item))
	}
	return all
}
