// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What cgroup_skb sees: every packet of every socket, of which only those of handshakes in flight are looked at.
#pragma once

#define HANDSHAKE_BYTES 65536 // no handshake is longer; a connection that has moved more in a direction is let go early
#define PLAIN_SEGMENTS 24     // of conversation before TLS, as in STARTTLS
#define PROXY_V1_MAX 108      // with its line end (the PROXY protocol, section 2.1)
#define TCP_LISTEN 10
#define IPPROTO_TCP 6
#define IPV4_HEADER 20 // without options
#define IPV6_HEADER 40

// proxy_header returns the length of a PROXY protocol header at the start of a segment, or 0 if its end is not in it.
static __always_inline __u32 proxy_header(const struct source *src, const struct segment *g, __u8 preface,
					  const __u8 *b)
{
	__u32 n;

	if (preface == PREFACE_PROXY_V2) {
		n = 16 + ((__u32)b[14] << 8 | b[15]);
		return n < g->length ? n : 0;
	}
#pragma clang loop unroll(disable)
	for (n = 16; n < PROXY_V1_MAX; n++) {
		__u8 c = 0;

		if (n >= g->length || fetch(src, g->at + n, &c, 1, 1))
			return 0;
		if (c == '\n')
			return n + 1;
	}
	return 0;
}

// note_plain takes a plaintext segment into account. It returns true if the connection is of no more interest.
static __always_inline bool note_plain(struct handshake *hs, struct stream *s, struct stream *peer, bool client,
				       const __u8 *b)
{
	s->flags |= STREAM_PLAIN;
	if (s->segments < 65535)
		s->segments++;
	if (client && hs->preface <= PREFACE_OTHER)
		hs->preface = client_preface(b);
	else if (!client && hs->preface <= PREFACE_OTHER)
		hs->preface = server_preface(b);
	if (!client && is_bad_request(b))
		hs->flags |= HS_BAD_REQUEST;
	if (peer->state != STREAM_OPENING) {
		if (client && hs->preface == PREFACE_POSTGRES)
			return true;
		if (!client) { // an answer in plaintext to a ClientHello
			s->state = STREAM_LOST;
			s->gap = GAP_NOT_TLS;
		}
		return false;
	}
	if (is_tls_listener(hs))
		return false;
	if (hs->preface == PREFACE_HTTP && peer->flags & STREAM_PLAIN)
		return true;
	if (!client && hs->preface == PREFACE_POSTGRES && b[0] == 'N' && !b[1]) {
		s->state = STREAM_LOST; // it declines TLS; if the client goes on without, all is well
		s->gap = GAP_NOT_TLS;
		return false;
	}
	return s->segments + peer->segments > PLAIN_SEGMENTS;
}

// begin looks at the first segment of a stream, or at the next one while plaintext is spoken. It returns true if there
// are records to walk; otherwise *over says whether the connection is of no more interest.
static __always_inline bool begin(struct handshake *hs, struct stream *s, struct stream *peer, bool client,
				  const struct source *src, struct segment *g, bool *over)
{
	__u8 b[PREFACE_LOOK] = {};
	__u32 n = g->length < PREFACE_LOOK ? g->length : PREFACE_LOOK;
	__u32 skip = 0;

	if (fetch(src, g->at, b, n, PREFACE_LOOK))
		return false;
	if (!is_tls(b, n)) {
		*over = note_plain(hs, s, peer, client, b);
		if (client && s->segments == 1 && (hs->preface == PREFACE_PROXY_V1 || hs->preface == PREFACE_PROXY_V2))
			skip = proxy_header(src, g, hs->preface, b);
		if (!skip || skip >= g->length) {
			s->next = g->seq + g->length;
			return false;
		}
		g->at += skip;
		g->seq += skip;
		g->length -= skip;
		s->next = g->seq;
	}
	s->state = STREAM_RECORDS;
	return true;
}

// is_early tells whether a segment has to wait for its predecessor. In plaintext a hole does no harm: TLS begins with
// a segment.
static __always_inline bool is_early(struct stream *s, const struct segment *g)
{
	if ((__s32)(g->seq - s->next) <= 0)
		return false;
	if (s->state == STREAM_OPENING && s->segments) {
		s->next = g->seq;
		return false;
	}
	return true;
}

// take_payload points the stream's cursor at the new bytes of a segment. It returns false if there are no records to
// walk; then *over says whether the connection is of no more interest.
static __always_inline bool take_payload(struct handshake *hs, __u32 direction, const struct source *src,
					 struct segment *g, __u64 now, bool *over)
{
	struct stream *s = &hs->stream[direction];
	struct stream *peer = &hs->stream[!direction];
	__u32 end = g->seq + g->length, done;

	if ((__s32)(end - s->top) > 0)
		s->top = end;
	s->last_us = (now - hs->start_ns) / 1000;
	if ((__s32)(end - s->next) <= 0) // sent again
		return false;
	if (is_early(s, g)) {
		hs->flags |= HS_STASHED;
		if (src->skb)
			put_aside(src->skb, g, hs->cookie, direction);
		return false;
	}
	if (s->state == STREAM_OPENING) {
		if (s->next != g->seq) { // the rest of a segment that was sent again
			s->next = end;
			return false;
		}
		if (!begin(hs, s, peer, is_client(hs, direction), src, g, over))
			return false;
		if (direction == SENT)
			announce(hs);
	}
	done = s->next - g->seq; // bytes that were seen before
	s->at = g->at + done;
	s->left = g->length - done;
	s->aside = !src->skb;
	s->aside_seq = g->seq;
	return true;
}

// follow_packet follows a segment in a packet, and those put aside that come after it. It ends the entry if they decide
// it.
static __always_inline void follow_packet(struct handshake *hs, __u32 direction, struct __sk_buff *skb,
					  struct segment *g, __u64 now)
{
	struct source src = {.skb = skb};
	__u64 cookie = hs->cookie;
	bool over = false, more = true;

	if (!take_payload(hs, direction, &src, g, now, &over)) {
		if (over)
			finish(hs, END_PLAIN);
		return;
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < WALKS && more; i++)
		more = direction == SENT ? walk_sent(skb, cookie, g->ack, now)
					 : walk_received(skb, cookie, g->ack, now);
	if (more && hs->stream[direction].left)
		lose(&hs->stream[direction], GAP_TOO_MANY);
	if (hs->flags & HS_SUCCEEDED)
		finish(hs, END_SUCCEEDED);
}

// pair_of names a connection whose socket is not made yet.
static __always_inline __u64 pair_of(__u32 remote, __u32 local)
{
	return (__u64)remote << 32 | local;
}

// dissect finds the TCP payload of a packet that begins with its IP header. It returns false if there is none, but for
// *reset, which says whether the packet is a RST. The headers can be read in place: TCP has pulled those of a packet that comes, and
// has just put them before one that goes.
static __always_inline bool dissect(struct __sk_buff *skb, struct segment *g, bool *reset)
{
	const __u8 *ip = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct tcphdr *tcp;
	__u32 at, header;
	__u8 next;

	if (ip + IPV4_HEADER > end)
		return false;
	if (ip[0] >> 4 == 4) {
		at = (ip[0] & 0xf) * 4;
		next = ip[9];
	} else {
		at = IPV6_HEADER; // extension headers before TCP are not followed
		next = ip[6];
	}
	tcp = (const void *)(ip + at);
	if (next != IPPROTO_TCP || (const void *)(tcp + 1) > (const void *)end)
		return false;
	*reset = tcp->rst;
	header = at + tcp->doff * 4;
	if (skb->len <= header)
		return false;
	g->at = header;
	g->length = skb->len - header;
	g->seq = bpf_ntohl(tcp->seq);
	g->ack = bpf_ntohl(tcp->ack_seq);
	return !tcp->syn;
}

// note_sender: a thread sends on the socket. It names the process of a socket that was accepted, and may have an error
// of its library to tell the peer.
static __always_inline void note_sender(struct handshake *hs, struct __sk_buff *skb, __u64 now)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tp;

	if (!sk || (hs->pid && !errors_are_recent(now)))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	note_process(hs, (struct sock *)tp);
	claim_error(hs, (struct sock *)tp, now, false);
}

// keep_early: the packet that completes TCP's handshake may carry data (TCP_DEFER_ACCEPT, or the bare ACK was lost). It
// comes to the listener, before there is a socket to follow.
static __always_inline void keep_early(struct __sk_buff *skb)
{
	struct segment g = {};
	bool reset = false;

	if (dissect(skb, &g, &reset))
		put_aside(skb, &g, pair_of(g.seq, g.ack), RECEIVED);
}

// take_early follows data that came with the last packet of TCP's handshake.
static __always_inline void take_early(struct handshake *hs, struct bpf_sock_ops *ops)
{
	struct stash_key key = {
		.owner = pair_of(hs->remote_isn, hs->local_isn),
		.seq = hs->remote_isn,
		.direction = RECEIVED,
	};
	__u64 now = bpf_ktime_get_ns();
	bool over = false, more = true;
	struct source src = {};
	struct segment g = {};

	src.kept = bpf_map_lookup_elem(&stashes, &key);
	if (!src.kept || !src.kept->length)
		return;
	g.length = src.kept->length;
	g.seq = hs->remote_isn;
	g.ack = src.kept->ack;
	if (!take_payload(hs, RECEIVED, &src, &g, now, &over))
		return;
#pragma clang loop unroll(disable)
	for (int i = 0; i < WALKS && more; i++)
		more = walk_early(ops, hs->cookie, key.owner, now);
}

static __always_inline void on_packet(struct __sk_buff *skb, __u32 direction)
{
	struct bpf_sock *sk = skb->sk;
	struct segment g = {};
	struct handshake *hs;
	bool reset = false, payload;
	__u64 cookie, now;

	if (!sk)
		return;
	if (direction == RECEIVED && sk->state == TCP_LISTEN)
		return keep_early(skb);
	cookie = bpf_get_socket_cookie(skb);
	if (!may_be_in_flight(cookie))
		return;
	payload = dissect(skb, &g, &reset);
	if (!payload && !(reset && direction == SENT)) // most packets of a handshake only acknowledge
		return;
	hs = bpf_map_lookup_elem(&inflight, &cookie);
	if (!hs || moved(hs, SENT) > HANDSHAKE_BYTES || moved(hs, RECEIVED) > HANDSHAKE_BYTES)
		return;
	now = bpf_ktime_get_ns();
	if (direction == SENT)
		note_sender(hs, skb, now);
	if (reset && direction == SENT)
		return note_reset_packet(hs);
	if (hs->flags & HS_ESTABLISHED)
		follow_packet(hs, direction, skb, &g, now);
}
