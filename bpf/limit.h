// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How much detail of failures leaves the kernel. Of those that are alike, the first of each second are told in full; the rest is
// shed: counted here, and in the next of them that is told.
#pragma once

#define SECOND_NS 1000000000ULL // as many may come at once as in a second

// Set by the loader: how often on average one of those that are alike is told, and one of a cgroup; 0 tells all.
const volatile __u64 alike_every_ns = 0;
const volatile __u64 cgroup_every_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct limit_key);
	__type(value, struct limit);
} limits SEC(".maps");

// What became of the connections that ended last. Their other end is mostly over within milliseconds.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct twin_key);
	__type(value, __u32);
} fates SEC(".maps");

static __always_inline struct limit *limit_of(const struct limit_key *key)
{
	struct limit *l = bpf_map_lookup_elem(&limits, key);
	struct limit fresh = {};

	if (l)
		return l;
	fresh.id = bpf_ktime_get_ns() << 8 | (bpf_get_smp_processor_id() & 0xff);
	bpf_map_update_elem(&limits, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&limits, key);
}

// passes moves on the time at which the limit would be unused again (the generic cell rate algorithm). Two processors may both
// let one pass at the same time; what is shed is counted exactly nevertheless.
static __always_inline bool passes(struct limit *l, __u64 every_ns)
{
	__u64 now = bpf_ktime_get_ns(), due;

	if (!l || !every_ns)
		return true;
	due = l->due_ns > now ? l->due_ns : now;
	if (due + every_ns > now + SECOND_NS)
		return false;
	l->due_ns = due + every_ns;
	return true;
}

// alike_limit returns the limit of those that are like this failure. The peer chooses some of what is in the key, but that a
// cgroup has a limit, too.
static __always_inline struct limit *alike_limit(const struct handshake *hs)
{
	struct limit_key key = {
		.cgroup = hs->cgroup,
		.reason = hs->error_said.reason,
		.verify = hs->error_said.verify,
		.seen_sent = hs->stream[SENT].seen,
		.seen_received = hs->stream[RECEIVED].seen,
		.port = hs->role == ROLE_SERVER ? hs->local_port : hs->remote_port,
		.role = hs->role,
		.ending = hs->ending,
		.closer = hs->closer,
		.how = hs->how,
		.preface = hs->preface,
		.family = hs->error_said.family,
		.alert_sent = hs->stream[SENT].alert_code,
		.alert_received = hs->stream[RECEIVED].alert_code,
	};

	__builtin_memcpy(key.peer, hs->remote_addr, sizeof(key.peer));
	return limit_of(&key);
}

static __always_inline struct limit *cgroup_limit(const struct handshake *hs)
{
	struct limit_key key = {.cgroup = hs->cgroup, .role = hs->role};

	return limit_of(&key);
}

// within_limits tells whether a failure may be told. It notes by which limit that is, and how many of those that are alike were
// shed before.
static __always_inline bool within_limits(struct handshake *hs, struct limit **alike)
{
	struct limit *l;

	if (!alike_every_ns)
		return true;
	*alike = l = alike_limit(hs);
	if (!passes(l, alike_every_ns) || !passes(cgroup_limit(hs), cgroup_every_ns))
		return false;
	if (l) {
		hs->limit_id = l->id;
		hs->shed = l->shed;
	}
	return true;
}

// connection_of names a connection alike from both ends, or an end that was never connected.
static __always_inline struct twin_key connection_of(const struct handshake *hs, __u64 cookie)
{
	bool client = hs->role == ROLE_CLIENT;
	struct twin_key key = {.client_isn = cookie, .server_isn = cookie >> 32};

	if (hs->flags & HS_ESTABLISHED) {
		key.client_isn = client ? hs->local_isn : hs->remote_isn;
		key.server_isn = client ? hs->remote_isn : hs->local_isn;
	}
	return key;
}

// fate_of returns what the connection's other end has decided, or FATE_OPEN.
static __always_inline __u32 fate_of(const struct handshake *hs, const struct twin_key *key)
{
	__u32 *fate;

	if (hs->fate)
		return hs->fate;
	fate = bpf_map_lookup_elem(&fates, key);
	return fate ? *fate : FATE_OPEN;
}

// leave_fate tells the other end, which may last for long, what was decided.
static __always_inline void leave_fate(__u64 twin, __u32 fate)
{
	struct handshake *other = twin ? bpf_map_lookup_elem(&inflight, &twin) : NULL;

	if (other && other->cookie == twin)
		other->fate = fate;
}

// settle decides what becomes of a connection. It returns false if the other end was faster; then *fate is what that decided.
static __always_inline bool settle(const struct handshake *hs, const struct twin_key *key, __u32 *fate)
{
	__u32 *settled;

	if (bpf_map_update_elem(&fates, key, fate, BPF_NOEXIST)) {
		settled = bpf_map_lookup_elem(&fates, key);
		if (settled) {
			*fate = *settled;
			return false;
		}
	}
	leave_fate(hs->twin, *fate);
	return true;
}

// may_tell sheds what is beyond the limits. Of a connection both ends are told, or none.
static __always_inline bool may_tell(struct handshake *hs, const struct twin_key *key)
{
	__u32 fate = fate_of(hs, key);
	struct limit *alike = NULL;

	if (!fate && hs->ending != END_SUCCEEDED && !within_limits(hs, &alike)) {
		fate = FATE_SHED;
		if (settle(hs, key, &fate)) {
			if (alike) // first: user space reads the counter before the limits
				__sync_fetch_and_add(&alike->shed, 1);
			count(COUNT_SHED);
		}
	}
	return !fate || fate == FATE_TOLD;
}

// lose_told: there is no room in the ring. The connection is lost, unless its other end is told.
static __noinline void lose_told(const struct handshake *hs, const struct twin_key *key)
{
	__u32 fate = FATE_LOST;

	if (!hs->fate && settle(hs, key, &fate))
		count(COUNT_LOST_RING);
	else if (hs->fate || fate == FATE_TOLD)
		count(COUNT_LOST_END);
}

// hand_over puts an end into the ring, unless its other end has just been shed or lost.
static __always_inline void hand_over(const struct handshake *hs, const struct twin_key *key)
{
	struct handshake *room = bpf_ringbuf_reserve(&events, sizeof(*hs), 0);
	__u32 fate = FATE_TOLD;

	if (!room) { // apart: kernels before 6.2 lose sight of the room where both paths meet
		lose_told(hs, key);
		return;
	}
	if (!hs->fate)
		settle(hs, key, &fate);
	if (fate != FATE_TOLD) {
		bpf_ringbuf_discard(room, 0);
		return;
	}
	__builtin_memcpy(room, hs, sizeof(*room));
	bpf_ringbuf_submit(room, 0);
}
