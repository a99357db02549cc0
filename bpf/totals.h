// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How many handshakes succeeded and ended, per cgroup, role and server port.
#pragma once

static __always_inline struct total *total_of(const struct handshake *hs, bool make)
{
	struct total_key key = {
		.cgroup = hs->cgroup,
		.netns = hs->netns,
		.port = hs->role == ROLE_SERVER ? hs->local_port : hs->remote_port,
		.role = hs->role,
	};
	struct total *t = bpf_map_lookup_elem(&totals, &key);
	struct blank *none;

	if (t || !make)
		return t;
	none = blank();
	if (!none)
		return NULL;
	bpf_map_update_elem(&totals, &key, &none->total, BPF_NOEXIST);
	return bpf_map_lookup_elem(&totals, &key);
}

// latency_bucket returns the smallest i so that us microseconds are at most 2^(i-20) seconds.
static __always_inline __u32 latency_bucket(__u64 us)
{
	__u64 rest = us * 68719 >> 16; // in units of 2^-20 seconds
	__u32 bucket = 0;

	if (rest)
		rest--;
#pragma clang loop unroll(full)
	for (int bits = 16; bits; bits >>= 1) {
		if (rest >> bits) {
			rest >>= bits;
			bucket += bits;
		}
	}
	return bucket + (rest != 0);
}

// count_latency notes how long a handshake took, from its first hello to its last Finished.
static __always_inline void count_latency(struct total *t, const struct handshake *hs)
{
	const struct stream *client = &hs->stream[hs->role == ROLE_CLIENT ? SENT : RECEIVED];
	__u64 us = hs->done_us - client->trail[0].at_us;
	__u32 bucket;

	if (!client->records || hs->done_us < client->trail[0].at_us)
		return;
	bucket = latency_bucket(us);
	barrier_var(bucket);
	bucket &= LATENCY_BUCKETS - 1;
	__sync_fetch_and_add(&t->latency[bucket], 1);
	__sync_fetch_and_add(&t->latency_us, us);
}

static __always_inline void count_total(const struct handshake *hs)
{
	struct total *t = total_of(hs, true);

	if (!t)
		return;
	if (hs->stream[hs->role == ROLE_CLIENT ? RECEIVED : SENT].records)
		__sync_fetch_and_add(&t->tls, 1); // plaintext to this port, or a reset, now means something
	if (hs->ending == END_SUCCEEDED) {
		__sync_fetch_and_add(&t->succeeded, 1);
		count_latency(t, hs);
	} else {
		__sync_fetch_and_add(&t->ended, 1);
	}
}
