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
	if (hs->flags & HS_ABORTING && reset_hook_follows)
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
