// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Follows TLS record headers through one direction of a TCP stream (RFC 8446 section 5.1) and, while the
// handshake is in clear, the headers of its messages. Bodies are skipped, but for the hellos and alerts.
#pragma once

#define TLS_CCS 20
#define TLS_ALERT 21
#define TLS_HANDSHAKE 22
#define TLS_DATA 23
#define TLS_RECORD_MAX (16384 + 2048) // RFC 5246 section 6.2.3
#define MESSAGE_CERTIFICATE 11
#define RECORD_HEADER 5
#define MESSAGE_HEADER 4
#define STEPS_AT_ONCE 4 // headers, bodies and chunks of hellos
#define WALKS 16	// of that many steps, in one packet

// Encrypted lengths in TLS 1.3 (RFC 8446 section 5.2): content, one byte of type, tag.
#define ALERT13 19	  // 2 + 1 + 16
#define ALERT13_CCM8 11	  // 2 + 1 + 8
#define ALERT13_PADDED 35 // with 16 zeros, as Java's sockets have it; no other message of a handshake is as long

static __always_inline bool is_alert13(__u32 length)
{
	return length == ALERT13 || length == ALERT13_CCM8 || length == ALERT13_PADDED;
}

static __always_inline bool is_client(const struct handshake *hs, __u32 direction)
{
	return (direction == SENT) == (hs->role == ROLE_CLIENT);
}

// moved returns how many bytes a direction has moved, holes included.
static __always_inline __u32 moved(const struct handshake *hs, __u32 direction)
{
	return hs->stream[direction].top - (direction == SENT ? hs->local_isn : hs->remote_isn);
}

static __always_inline void lose(struct stream *s, __u8 why)
{
	s->state = STREAM_LOST;
	s->gap = why;
	count(COUNT_LOST_STREAM);
}

static __always_inline struct record *slot(struct stream *s)
{
	__u32 i = s->records;

	if (i >= TRAIL_RECORDS) {
		s->flags |= STREAM_TRAIL_FULL;
		i = TRAIL_RECORDS - 1;
	} else {
		s->records = i + 1;
	}
	return &s->trail[i];
}

static __always_inline void note_record(struct handshake *hs, struct stream *s, __u32 length, __u64 now)
{
	struct record *r = slot(s);

	r->at_us = (now - hs->start_ns) / 1000;
	r->length = length;
	r->type = s->type;
	r->handshake = 0;
}

// note_message marks the type of a record's first handshake message in the trail.
static __always_inline void note_message(struct stream *s, __u8 type)
{
	__u32 i = s->records - 1;

	if (s->message_first && i < TRAIL_RECORDS)
		s->trail[i].handshake = type;
	s->message_first = 0;
	if (type < 32)
		s->seen |= 1u << type;
}

// in_clear tells whether a handshake record can be read: in TLS 1.2 not after change_cipher_spec; in TLS 1.3 that
// record means nothing, and after a HelloRetryRequest clear hellos follow it (RFC 8446 appendix D.4).
static __always_inline bool in_clear(const struct handshake *hs, const struct stream *s)
{
	return !(s->flags & STREAM_CCS) || hs->flags & HS_RETRY;
}

// note_client_data: the client's encrypted records of TLS 1.3. Before the server's they are early data; after, one
// that is no alert begins its final flight (25 bytes are an empty Certificate, the smallest).
static __always_inline void note_client_data(struct handshake *hs, const struct stream *client,
					     const struct stream *server, __u32 length, __u32 end)
{
	if (!server->records) {
		hs->flags |= HS_EARLY_DATA;
	} else if (length > ALERT13 && !is_alert13(length) && !hs->finished_end) {
		hs->finished_end = end ?: 1;
		hs->done_us = client->last_us;
	}
}

// answers tells whether a record of the server shows that it accepted the client's final flight: sent after that
// flight had arrived (its segment acknowledges it), and not of an alert's size, since a refusal is an encrypted alert,
// which some servers follow by another (GnuTLS: the error, then close_notify).
static __always_inline bool answers(const struct handshake *hs, __u32 length, __u32 ack)
{
	return hs->finished_end && (__s32)(ack - hs->finished_end) >= 0 && !is_alert13(length);
}

// note_header takes a complete record header into account. It returns true if the handshake has succeeded by it.
static __always_inline bool note_header(struct handshake *hs, struct stream *s, struct stream *peer, bool client,
					__u32 length, __u32 end, __u32 ack)
{
	switch (s->type) {
	case TLS_CCS:
		s->flags |= STREAM_CCS;
		return false;
	case TLS_HANDSHAKE:
		if (in_clear(hs, s))
			return false;
		s->flags |= STREAM_FINISHED12;
		hs->done_us = s->last_us;
		return peer->flags & STREAM_FINISHED12;
	case TLS_DATA:
		if (s->flags & STREAM_FINISHED12)
			return false;
		if (!client)
			return answers(hs, length, ack);
		note_client_data(hs, s, peer, length, end);
		return false;
	}
	return false;
}

// parse_header checks the five bytes at s->head. It returns the body's length, or -1 if they are no record header.
static __always_inline int parse_header(struct stream *s)
{
	__u32 length = (__u32)s->head[3] << 8 | s->head[4];

	s->type = s->head[0];
	if (s->type < TLS_CCS || s->type > TLS_DATA || s->head[1] != 3 || s->head[2] > 4)
		return -1;
	if (length > TLS_RECORD_MAX)
		return -1;
	return length;
}

// capture copies handshake bytes in clear to the hello that is being collected. It returns how many of the n bytes at
// hand are dealt with: at most a chunk, so that the verifier sees a bounded copy.
static __always_inline __u32 capture(struct handshake *hs, struct stream *s, bool client, const struct source *src,
				     __u32 n)
{
	struct hello *hello = hello_of(hs);
	struct hello_part *part;
	__u64 have;

	if (!hello)
		return n;
	part = client ? &hello->client : &hello->server;
	have = part->length;
	if (have >= HELLO_BYTES)
		return n;
	if (n > COPY_CHUNK)
		n = COPY_CHUNK;
	if (n > HELLO_BYTES - have)
		n = HELLO_BYTES - have;
	barrier_var(have);
	have &= HELLO_BYTES - 1; // changes nothing, but shows the bound to verifiers that forgot it
	if (!fetch(src, s->at, &part->bytes[have], n, COPY_CHUNK))
		part->length = have + n;
	return n;
}

// is_retry compares the ServerHello's random with the one that makes it a HelloRetryRequest (RFC 8446 section 4.1.3).
static __always_inline bool is_retry(const struct hello *hello)
{
	static const __u8 random[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};

	if (hello->server.length < 14 || hello->server.bytes[0] != 2)
		return false;
	for (int i = 0; i < 8; i++)
		if (hello->server.bytes[6 + i] != random[i])
			return false;
	return true;
}

// end_message: a handshake message in clear is complete.
static __always_inline void end_message(struct handshake *hs, struct stream *s, bool client)
{
	struct hello *hello;

	if (s->flags & STREAM_HELLO_DONE)
		return;
	hello = client ? NULL : hello_of(hs);
	if (hello && is_retry(hello)) {
		hs->flags |= HS_RETRY;
		hello->server.length = 0;
		return;
	}
	s->flags |= STREAM_HELLO_DONE;
}

// message_header collects the four bytes of a handshake message's header. n bytes of the record are at hand.
static __always_inline __u32 message_header(struct stream *s, const struct source *src, __u32 n)
{
	__u32 have = s->message_have & 3;

	if (n > MESSAGE_HEADER - have)
		n = MESSAGE_HEADER - have;
	if (fetch(src, s->at, &s->message_head[have], n, MESSAGE_HEADER)) {
		lose(s, GAP_NOT_TLS);
		return 0;
	}
	s->message_have = have + n;
	if (s->message_have < MESSAGE_HEADER)
		return n;
	s->message_have = 0;
	s->message = (__u32)s->message_head[1] << 16 | (__u32)s->message_head[2] << 8 | s->message_head[3];
	note_message(s, s->message_head[0]);
	if (s->message_head[0] == MESSAGE_CERTIFICATE && s->message == 3)
		s->flags |= STREAM_EMPTY_CERT;
	return n;
}

// handshake_bytes walks bytes of a handshake record in clear, at most to the end of a header or message.
static __always_inline __u32 handshake_bytes(struct handshake *hs, struct stream *s, bool client,
					     const struct source *src, __u32 n)
{
	bool header = !s->message;

	if (header)
		n = message_header(s, src, n);
	else if (n > s->message)
		n = s->message;
	if (n && !(s->flags & STREAM_HELLO_DONE))
		n = capture(hs, s, client, src, n);
	if (header)
		return n;
	s->message -= n;
	if (!s->message)
		end_message(hs, s, client);
	return n;
}

// is_clear_alert: an alert record of two bytes is in clear; an encrypted one is longer by its tag.
static __always_inline bool is_clear_alert(const struct stream *s)
{
	return s->type == TLS_ALERT && s->head[3] == 0 && s->head[4] == 2;
}

// alert_byte collects the level or the description of an alert in clear.
static __always_inline void alert_byte(struct stream *s, const struct source *src)
{
	__u8 b = 0;

	if (fetch(src, s->at, &b, 1, 1))
		return;
	if (s->body == 2) {
		s->level = b;
	} else if (s->alert_level != 2) { // a fatal alert is the last word
		s->alert_level = s->level;
		s->alert_code = b;
		if (s->alerts < 255)
			s->alerts++;
	}
}

// header_bytes collects the record header. It returns the bytes used.
static __always_inline __u32 header_bytes(struct handshake *hs, struct stream *s, struct stream *peer, bool client,
					  const struct source *src, __u64 now)
{
	__u32 have = s->have, n = s->left;
	int length;

	if (have >= RECORD_HEADER)
		have = 0;
	if (n > RECORD_HEADER - have)
		n = RECORD_HEADER - have;
	if (fetch(src, s->at, &s->head[have], n, 8)) {
		lose(s, GAP_NOT_TLS);
		return 0;
	}
	s->have = have + n;
	if (s->have < RECORD_HEADER)
		return n;
	s->have = 0;
	length = parse_header(s);
	if (length < 0) {
		lose(s, GAP_NOT_TLS);
		return n;
	}
	s->body = length;
	s->message_first = 1;
	note_record(hs, s, length, now);
	if (note_header(hs, s, peer, client, length, s->next + n + length, src->ack))
		hs->flags |= HS_SUCCEEDED;
	return n;
}

// body_bytes walks bytes of the current record's body.
static __always_inline __u32 body_bytes(struct handshake *hs, struct stream *s, bool client, const struct source *src)
{
	__u32 n = s->left;

	if (n > s->body)
		n = s->body;
	if (s->type == TLS_HANDSHAKE && in_clear(hs, s)) {
		n = handshake_bytes(hs, s, client, src, n);
	} else if (is_clear_alert(s)) {
		alert_byte(s, src);
		n = 1;
	}
	s->body -= n;
	return n;
}

// step follows one header, body or chunk. It returns false at the end of the bytes at hand.
static __always_inline bool step(struct handshake *hs, struct stream *s, struct stream *peer, bool client,
				 const struct source *src, __u64 now)
{
	__u32 n;

	if (!s->left || s->state != STREAM_RECORDS || hs->flags & HS_SUCCEEDED)
		return false;
	if (s->body)
		n = body_bytes(hs, s, client, src);
	else
		n = header_bytes(hs, s, peer, client, src, now);
	s->at += n;
	s->left -= n;
	s->next += n;
	return true;
}

// steps follows up to STEPS_AT_ONCE headers, bodies and chunks of the s->left bytes at s->at. The cursor is kept in the
// map, and reloaded in every step, so that the verifier need not tell the steps' paths apart. The compiler may not know
// that the pointers are the same in every step: it would compute each member's address before the loop, and spill it.
static __always_inline bool steps(struct handshake *entry, __u32 direction, const struct source *src, __u64 now)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < STEPS_AT_ONCE; i++) {
		struct handshake *hs = entry;
		struct stream *s, *peer;

		barrier();
		barrier_var(hs);
		s = &hs->stream[direction];
		peer = &hs->stream[!direction];
		if (!step(hs, s, peer, is_client(hs, direction), src, now))
			return !s->left && hs->flags & HS_STASHED;
	}
	return true;
}

// walk follows a few steps of a packet, or of a segment put aside that is due. It returns 0 when there is nothing left to
// follow.
static __always_inline int walk(struct __sk_buff *skb, __u64 cookie, __u32 direction, __u32 ack, __u64 now)
{
	struct handshake *hs = bpf_map_lookup_elem(&inflight, &cookie);
	struct source src = {.skb = skb, .ack = ack};
	struct stream *s;

	if (!hs)
		return 0;
	s = &hs->stream[direction];
	if (!s->left && !(hs->flags & HS_STASHED && next_aside(s, cookie, direction)))
		return 0;
	if (s->aside && !open_aside(&src, s, cookie, direction))
		return 0;
	return steps(hs, direction, &src, now);
}

// The verifier checks a global function once, whatever the number of calls. There is one for each direction because
// verifiers of 5.10 lose the bounds of an index that they do not know.
__noinline int walk_sent(struct __sk_buff *skb, __u64 cookie, __u32 ack, __u64 now)
{
	return walk(skb, cookie, SENT, ack, now);
}

__noinline int walk_received(struct __sk_buff *skb, __u64 cookie, __u32 ack, __u64 now)
{
	return walk(skb, cookie, RECEIVED, ack, now);
}

// walk_early is walk for data that came before there was a socket.
__noinline int walk_early(struct bpf_sock_ops *ops, __u64 cookie, __u64 owner, __u64 now)
{
	struct handshake *hs = bpf_map_lookup_elem(&inflight, &cookie);
	struct source src = {};
	struct stream *s;

	if (!ops || !hs)
		return 0;
	s = &hs->stream[RECEIVED];
	if (!s->left || !open_aside(&src, s, owner, RECEIVED))
		return 0;
	return steps(hs, RECEIVED, &src, now);
}
