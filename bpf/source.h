// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where the bytes of a segment are read from: the packet, or the copy that was put aside when it came too early.
#pragma once

struct source {
	struct __sk_buff *skb; // or NULL: then the bytes are in kept
	const struct stash *kept;
	__u32 ack; // the segment's acknowledgement number
};

// A TCP segment with payload in a packet.
struct segment {
	__u32 at; // offset of the payload in the packet
	__u32 length;
	__u32 seq;
	__u32 ack;
};

// fetch copies n bytes at offset at. n is at least 1 and at most max, the room at to, a power of two. The masking changes
// nothing; it shows both bounds to verifiers that draw none from n != 0.
static __always_inline int fetch(const struct source *src, __u32 at, void *to, __u32 n, __u32 max)
{
	if (n == 0 || n > max)
		return -1;
	barrier_var(n);
	n = ((n - 1) & (max - 1)) + 1;
	if (src->skb)
		return bpf_skb_load_bytes(src->skb, at, to, n);
	if (!src->kept || !can_read_kernel)
		return -1;
	return bpf_probe_read_kernel(to, n, &src->kept->data[at & (STASH_BYTES - 1)]);
}
