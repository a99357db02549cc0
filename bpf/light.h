// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Connections whose bytes are not looked at. Their births and ends, their library's errors and how many bytes they have moved cost
// nothing on the data path. What fits a failed handshake is told, or asks for a closer look at the cgroup.
#pragma once

#define HANDSHAKE_FITS 16384 // bytes in a direction: a handshake that fails moves less, chains of certificates included
#define HANDSHAKE_TAKES_NS 60000000000ULL // and it ends within a minute
#define NOTICE_INTERVAL_NS 1000000000ULL  // of a cgroup: more would tell nothing more

// Set by the loader: bytes are looked at in the cgroups of in_depth alone.
const volatile bool selective = false;
// Set by the loader: resets that a socket sends are told by a hook.
const volatile bool reset_hooked = false;

static __always_inline bool is_looked_at(__u64 cgroup)
{
	return !selective || bpf_map_lookup_elem(&in_depth, &cgroup);
}

// notice tells user space of a cgroup, once for its first connection and then as often as it helps.
static __always_inline void notice(__u64 cgroup, __u32 what)
{
	struct cgroup_notice n = {.kind = RING_CGROUP, .notice = what, .cgroup = cgroup};
	__u64 now = bpf_ktime_get_ns(), *last = bpf_map_lookup_elem(&noticed, &cgroup);

	if (last && (what == NOTICE_NEW || now - *last < NOTICE_INTERVAL_NS))
		return;
	if (what == NOTICE_NEW)
		now -= NOTICE_INTERVAL_NS;		    // what is noticed next is no repetition
	if (!bpf_ringbuf_output(&events, &n, sizeof(n), 0)) // else the next one tries again
		bpf_map_update_elem(&noticed, &cgroup, &now, BPF_ANY);
}

// is_short tells whether a connection has carried no more than a handshake does, and was over soon.
static __always_inline bool is_short(const struct handshake *hs)
{
	return moved(hs, SENT) <= HANDSHAKE_FITS && moved(hs, RECEIVED) <= HANDSHAKE_FITS &&
	       bpf_ktime_get_ns() - hs->start_ns < HANDSHAKE_TAKES_NS;
}

static __always_inline bool carried_both_ways(const struct handshake *hs)
{
	return moved(hs, SENT) && moved(hs, RECEIVED);
}

// note_failure leaves word for the other end, if that is on this machine: nothing else may tell it that the handshake failed.
static __always_inline void note_failure(const struct handshake *hs)
{
	struct twin *w = hs->error_said.family ? twin_of(hs) : NULL;

	if (w)
		w->failed = 1;
}

// classify_light refines END_CLOSED for a connection whose bytes were not looked at. What its library said is a failure; a reset is
// one where connections like it speak TLS, if the client cannot have finished: programs also reset what was healthy. The rest is no more
// than suspicious.
static __always_inline __u32 classify_light(const struct handshake *hs)
{
	bool broken = hs->how == HOW_RST || hs->how == HOW_TIMEOUT;
	struct twin *w = twin_of(hs);
	struct total *t;

	if (hs->error_said.family || (w && w->failed)) // two ends are one event
		return END_CLOSED;
	if (!is_short(hs) || !carried_both_ways(hs))
		return END_LIGHT;
	t = total_of(hs, false);
	if (broken && t && t->tls && (hs->flags & HS_ONE_FLIGHT))
		return END_CLOSED;
	notice(hs->cgroup, broken ? NOTICE_RESET : NOTICE_SMALL);
	return END_LIGHT;
}
