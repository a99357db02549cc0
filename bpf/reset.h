// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Resets that this machine sends on a socket in a handshake, and those that it receives.
#pragma once

// Set by the loader: the hook on tcp_send_active_reset runs after the packet has left (the tracepoint does), so that the
// hook, not the packet, ends the entry.
const volatile bool reset_hook_follows = false;
// Set by the loader: the hook's last argument is the reason (commit 5691276b39da, "rstreason: prepare for active reset").
const volatile bool reset_has_reason = false;

static __always_inline struct handshake *handshake_of(struct sock *sk)
{
	__u64 cookie;

	if (!sk)
		return NULL;
	// bpf_get_socket_cookie came to tracing programs in 5.12 (commit c5dbb89fc2ac); in-flight sockets have theirs already.
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	return bpf_map_lookup_elem(&inflight, &cookie);
}

// note_reset_packet: a RST leaves the socket.
static __always_inline void note_reset_packet(struct handshake *hs)
{
	hs->flags |= HS_RESET_SENT;
	note_close(hs, CLOSER_LOCAL, HOW_RST);
	if (hs->flags & HS_ABORTING && !reset_hook_follows)
		finish(hs, END_CLOSED);
}

static __always_inline void count_reset(__u32 counter, const struct handshake *hs)
{
	if (hs && !(hs->flags & HS_ESTABLISHED))
		count(counter + RESET_CONNECT);
	else if (hs && spoke_tls(hs))
		count(counter + RESET_HANDSHAKE);
	else
		count(counter + RESET_OTHER);
}

static __always_inline void on_reset_sent(struct sock *sk, __u32 reason)
{
	struct handshake *hs = handshake_of(sk);

	count_reset(COUNT_RESETS_SENT, hs);
	if (!hs)
		return;
	hs->flags |= HS_RESET_SENT;
	if (reset_has_reason) {
		hs->reset_reason = reason;
		hs->flags |= HS_REASON;
	}
	note_close(hs, CLOSER_LOCAL, HOW_RST);
	if (hs->flags & HS_ABORTING && (reset_hook_follows || hs->flags & HS_LIGHT))
		finish(hs, END_CLOSED);
}

static __always_inline void on_reset_received(struct sock *sk)
{
	struct handshake *hs = handshake_of(sk);

	count_reset(COUNT_RESETS_RECEIVED, hs);
	if (!hs || !(hs->flags & HS_ESTABLISHED)) // before, it is a refused connect
		return;
	hs->flags |= HS_RESET_RECEIVED;
	note_close(hs, CLOSER_REMOTE, HOW_RST);
}

// map_ipv4 writes an IPv4 address as IPv6.
static __always_inline void map_ipv4(__u8 *to, __u32 addr)
{
	__u32 *word = (__u32 *)to;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = addr;
}

#define IPV4_DESTINATION 16 // offsets in the IP headers
#define IPV6_DESTINATION 24

// arrived_at reads where a segment was going when it arrived: after NAT.
static __always_inline int arrived_at(__u8 *to, const unsigned char *ip)
{
	__u8 first = 0;
	__u32 addr = 0;

	if (bpf_probe_read_kernel(&first, sizeof(first), ip))
		return -1;
	if (first >> 4 != 4)
		return bpf_probe_read_kernel(to, 16, ip + IPV6_DESTINATION);
	if (bpf_probe_read_kernel(&addr, sizeof(addr), ip + IPV4_DESTINATION))
		return -1;
	map_ipv4(to, addr);
	return 0;
}

// on_syn_refused: a reset answers a segment for which there is no socket. If it is a SYN, what it carries tells where NAT sent it
// to, which its client cannot know.
static __always_inline void on_syn_refused(struct sk_buff *skb)
{
	struct refusal_key key = {};
	struct refusal to = {};
	struct tcphdr tcp = {};

	if (!can_read_kernel || bpf_probe_read_kernel(&tcp, sizeof(tcp), skb->head + skb->transport_header))
		return;
	if (!tcp.syn || tcp.ack || arrived_at(to.addr, skb->head + skb->network_header))
		return;
	to.port = bpf_ntohs(tcp.dest);
	key.isn = bpf_ntohl(tcp.seq);
	key.port = bpf_ntohs(tcp.source);
	bpf_map_update_elem(&refusals, &key, &to, BPF_ANY);
}

// note_arrival notes where a SYN of this machine was refused on this machine.
static __always_inline void note_arrival(struct handshake *hs, __u32 isn)
{
	struct refusal_key key = {.isn = isn, .port = hs->local_port};
	struct refusal *at = bpf_map_lookup_elem(&refusals, &key);

	if (!at)
		return;
	hs->arrived_port = at->port;
	__builtin_memcpy(hs->arrived_addr, at->addr, sizeof(hs->arrived_addr));
	bpf_map_delete_elem(&refusals, &key);
}
