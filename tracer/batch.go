package tracer

import (
	"errors"

	"github.com/cilium/ebpf"
)

// entriesAtOnce is how many entries of a map are read by one call.
const entriesAtOnce = 512

// eachEntry visits the entries of a hash map, in batches.
func eachEntry[K, V any](m *ebpf.Map, visit func(K, *V)) error {
	var cursor ebpf.MapBatchCursor
	keys, values := make([]K, entriesAtOnce), make([]V, entriesAtOnce)
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		for i := range n {
			visit(keys[i], &values[i])
		}
		switch {
		case errors.Is(err, ebpf.ErrKeyNotExist): // the end
			return nil
		case err != nil:
			return err
		}
	}
}
