// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Segments that came before their predecessor. They are seen only once, so their bytes are put aside until their turn.
#pragma once

// put_aside keeps a segment.
static __always_inline void put_aside(struct __sk_buff *skb, const struct segment *g, __u64 owner, __u32 direction)
{
	struct stash_key key = {.owner = owner, .seq = g->seq, .direction = direction};
	struct source src = {.skb = skb};
	struct blank *none = blank();
	__u32 n = g->length;
	struct stash *kept;

	if (!none || !can_read_kernel)
		return;
	if (bpf_map_update_elem(&stashes, &key, &none->stash, BPF_ANY))
		return;
	kept = bpf_map_lookup_elem(&stashes, &key);
	if (!kept)
		return;
	if (n > STASH_BYTES)
		n = STASH_BYTES;
	if (fetch(&src, g->at, kept->data, n, STASH_BYTES))
		return;
	kept->ack = g->ack;
	kept->length = n;
}

static __always_inline const struct stash *aside(__u64 owner, __u32 seq, __u32 direction)
{
	struct stash_key key = {.owner = owner, .seq = seq, .direction = direction};
	const struct stash *kept = bpf_map_lookup_elem(&stashes, &key);

	return kept && kept->length ? kept : NULL;
}

// next_aside moves the stream's cursor to the segment that was put aside and comes next, if there is one.
static __always_inline bool next_aside(struct stream *s, __u64 owner, __u32 direction)
{
	const struct stash *kept = aside(owner, s->next, direction);

	if (!kept)
		return false;
	s->aside = 1;
	s->aside_seq = s->next;
	s->at = 0;
	s->left = kept->length;
	return true;
}

// open_aside points *src at the segment put aside in which the stream's cursor is.
static __always_inline bool open_aside(struct source *src, const struct stream *s, __u64 owner, __u32 direction)
{
	src->skb = NULL;
	src->kept = aside(owner, s->aside_seq, direction);
	if (!src->kept)
		return false;
	src->ack = src->kept->ack;
	return true;
}
