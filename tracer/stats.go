package tracer

import "fmt"

// Keys of [Stats.Lost].
const (
	LostInflight    = "inflight_full" // no room to follow a handshake: raise Options.MaxInflight
	LostHello       = "hello_full"    // no room to keep a hello: the event lacks SNI and versions
	LostRing        = "ring_full"     // no room in the ring buffer: the event was shed, raise Options.RingBytes
	LostStream      = "stream"        // a stream could not be followed: the event says so
	LostUndecodable = "undecodable"   // a record that this build does not understand
)

// Stats returns the counts so far.
func (t *Tracer) Stats() (Stats, error) {
	n, err := t.counters()
	if err != nil {
		return Stats{}, err
	}
	return Stats{
		Connections: n[bpfCounterCOUNT_CONNECTIONS],
		Succeeded:   n[bpfCounterCOUNT_SUCCEEDED],
		Ended:       n[bpfCounterCOUNT_ENDED],
		Plain:       n[bpfCounterCOUNT_PLAIN],
		Quiet:       n[bpfCounterCOUNT_QUIET],
		Light:       n[bpfCounterCOUNT_LIGHT],
		Lost: map[string]uint64{
			LostInflight:    n[bpfCounterCOUNT_LOST_INFLIGHT],
			LostHello:       n[bpfCounterCOUNT_LOST_HELLO],
			LostRing:        n[bpfCounterCOUNT_LOST_RING],
			LostStream:      n[bpfCounterCOUNT_LOST_STREAM],
			LostUndecodable: t.lost.undecodable.Load(),
		},
	}, nil
}

// counters sums the kernel side's counters over the processors.
func (t *Tracer) counters() (n [bpfCounterCOUNTERS]uint64, err error) {
	for i := range n {
		var perCPU []uint64
		if err := t.loaded.collection.Maps[bpfMapCounters].Lookup(uint32(i), &perCPU); err != nil {
			return n, fmt.Errorf("read the counters: %w", err)
		}
		for _, v := range perCPU {
			n[i] += v
		}
	}
	return n, nil
}
