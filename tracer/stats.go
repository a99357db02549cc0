package tracer

import "fmt"

// Keys of [Stats.Lost].
const (
	LostInflight    = "inflight_full" // no room to follow a handshake: raise Options.MaxInflight
	LostHello       = "hello_full"    // no room to keep a hello: the event lacks SNI and versions
	LostRing        = "ring_full"     // no room in the ring buffer: the event is not told, raise Options.RingBytes
	LostEnd         = "one_end"       // no room for one end of a connection: the event tells what the other saw
	LostRateLimit   = "rate_limit"    // beyond Options.AlikePerSecond, and no event came after it to be counted in
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
		Shed:        n[bpfCounterCOUNT_SHED],
		Lost: map[string]uint64{
			LostInflight:    n[bpfCounterCOUNT_LOST_INFLIGHT],
			LostHello:       n[bpfCounterCOUNT_LOST_HELLO],
			LostRing:        n[bpfCounterCOUNT_LOST_RING],
			LostEnd:         n[bpfCounterCOUNT_LOST_END],
			LostRateLimit:   t.alike.lostSoFar(),
			LostStream:      n[bpfCounterCOUNT_LOST_STREAM],
			LostUndecodable: t.lost.undecodable.Load(),
		},
	}, nil
}

// counters sums the kernel side's counters over the processors.
func (t *Tracer) counters() (n [bpfCounterCOUNTERS]uint64, err error) {
	for i := range n {
		if n[i], err = t.loaded.counter(bpfCounter(i)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// counter sums one counter over the processors.
func (l *loaded) counter(c bpfCounter) (sum uint64, err error) {
	var perCPU []uint64
	if err := l.collection.Maps[bpfMapCounters].Lookup(uint32(c), &perCPU); err != nil {
		return 0, fmt.Errorf("read the counters: %w", err)
	}
	for _, v := range perCPU {
		sum += v
	}
	return sum, nil
}
