package tracer

// ResetKey says which way a TCP reset went, and what the socket was at.
type ResetKey struct {
	Direction string // sent, received
	// Phase is connect before the connection was established, handshake during a TLS handshake, and other after it or without TLS.
	Phase string
}

// resetPhases are the phases by the kernel side's numbers.
var resetPhases = [...]string{
	bpfResetPhaseRESET_CONNECT: "connect", bpfResetPhaseRESET_HANDSHAKE: "handshake", bpfResetPhaseRESET_OTHER: "other",
}

// Resets counts the resets of all sockets of the machine since [Open], as far as there is a hook for the direction: see
// [PurposeResetSent] and [PurposeResetReceive]. A reset that answers a segment for which there is no socket is not counted.
func (t *Tracer) Resets() (map[ResetKey]uint64, error) {
	n, err := t.counters()
	if err != nil {
		return nil, err
	}
	all := map[ResetKey]uint64{}
	for phase, name := range resetPhases {
		all[ResetKey{"sent", name}] = n[int(bpfCounterCOUNT_RESETS_SENT)+phase]
		all[ResetKey{"received", name}] = n[int(bpfCounterCOUNT_RESETS_RECEIVED)+phase]
	}
	return all, nil
}
