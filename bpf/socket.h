// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What sock_ops tells of a TCP socket: its birth, its addresses and process, its end.
#pragma once

#define AF_INET 2
#define AF_INET6 10
#define ETIMEDOUT 110
#define ECONNRESET 104
#define EPIPE 32

static __always_inline void note_process(struct handshake *hs, struct sock *sk)
{
	struct task_struct *task, *leader;

	if (hs->pid || !can_read_kernel || !owner_is_current(sk))
		return;
	task = (void *)bpf_get_current_task();
	leader = BPF_CORE_READ(task, group_leader);
	hs->pid = BPF_CORE_READ(leader, pid);
	BPF_CORE_READ_STR_INTO(&hs->comm, leader, comm);
}

static __always_inline void note_addresses(struct handshake *hs, struct bpf_sock_ops *ops)
{
	__u32 *local = (__u32 *)hs->local_addr;
	__u32 *remote = (__u32 *)hs->remote_addr;

	hs->local_port = ops->local_port;
	hs->remote_port = bpf_ntohl(ops->remote_port);
	if (ops->family != AF_INET6) {
		map_ipv4(hs->local_addr, ops->local_ip4);
		map_ipv4(hs->remote_addr, ops->remote_ip4);
		return;
	}
	local[0] = ops->local_ip6[0];
	local[1] = ops->local_ip6[1];
	local[2] = ops->local_ip6[2];
	local[3] = ops->local_ip6[3];
	remote[0] = ops->remote_ip6[0];
	remote[1] = ops->remote_ip6[1];
	remote[2] = ops->remote_ip6[2];
	remote[3] = ops->remote_ip6[3];
}

static __always_inline struct sock *kernel_sock(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct tcp_sock *tp;

	if (!sk)
		return NULL;
	tp = bpf_skc_to_tcp_sock(sk);
	return (struct sock *)tp;
}

// lose_end: there is no room to follow an end. The connection is lost, unless its client is followed.
static __always_inline void lose_end(struct bpf_sock_ops *ops, __u8 role)
{
	struct twin_key key = {.client_isn = ops->rcv_nxt, .server_isn = ops->snd_nxt};
	struct twin *w = role == ROLE_SERVER ? bpf_map_lookup_elem(&twins, &key) : NULL;

	count(w ? COUNT_LOST_END : COUNT_LOST_INFLIGHT);
}

// open_handshake makes the entry of a socket that begins to connect or was accepted.
static __always_inline struct handshake *open_handshake(struct bpf_sock_ops *ops, __u8 role)
{
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct sock *sk = kernel_sock(ops);
	__u64 now = bpf_ktime_get_ns();
	struct handshake *hs;

	if (!sk)
		return NULL;
	if (role == ROLE_CLIENT)
		drop_error(sk, now); // whatever it was, it was raised before this connection
	hs = take_off(cookie);
	if (!hs) {
		lose_end(ops, role);
		return NULL;
	}
	hs->kind = RING_HANDSHAKE;
	hs->cookie = cookie;
	hs->start_ns = now;
	hs->role = role;
	hs->cgroup = socket_cgroup(sk);
	hs->netns = sk->__sk_common.skc_net.net->ns.inum;
	note_addresses(hs, ops);
	note_process(hs, sk);
	// Closes are told by a callback that has to be asked for.
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	return hs;
}

// handshake_in_flight returns the entry of a socket, or NULL once its handshake is over.
static __always_inline struct handshake *handshake_in_flight(struct bpf_sock_ops *ops)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	return may_be_in_flight(cookie) ? bpf_map_lookup_elem(&inflight, &cookie) : NULL;
}

// leave_twin lets the client know its server: whatever ends it, and whenever, tells both as one.
static __always_inline void leave_twin(const struct handshake *hs)
{
	__u64 twin = hs->twin;
	struct handshake *client = bpf_map_lookup_elem(&inflight, &twin);

	if (client && client->cookie == twin)
		client->twin = hs->cookie;
}

// establish notes both initial sequence numbers: where the streams begin, and by what both ends know each other.
static __always_inline void establish(struct handshake *hs, struct bpf_sock_ops *ops)
{
	struct twin *w;

	hs->flags |= HS_ESTABLISHED;
	note_addresses(hs, ops);
	hs->local_isn = ops->snd_nxt;
	hs->remote_isn = ops->rcv_nxt;
	hs->stream[SENT].next = hs->stream[SENT].top = hs->local_isn;
	hs->stream[RECEIVED].next = hs->stream[RECEIVED].top = hs->remote_isn;
	w = join_twin(hs);
	if (!w || hs->role == ROLE_CLIENT)
		return;
	if (w->lost)
		hs->fate = FATE_LOST;
	if (!w->client) // a client is established before its server
		return;
	hs->flags |= HS_BOTH_LOCAL;
	hs->twin = w->client;
	leave_twin(hs);
}

// establish_lost leaves word for the server of a client that there is no room to follow: the connection was counted.
static __always_inline void establish_lost(struct bpf_sock_ops *ops)
{
	struct twin_key key = {.client_isn = ops->snd_nxt, .server_isn = ops->rcv_nxt};
	struct twin lost = {.lost = 1};

	bpf_map_update_elem(&twins, &key, &lost, BPF_NOEXIST);
}

// step_back remembers of an established connection what its end will need, if its bytes are not looked at. It returns true if
// that was done.
static __always_inline bool step_back(struct handshake *hs)
{
	struct light light = {
		.start_ns = hs->start_ns,
		.cgroup = hs->cgroup,
		.local_isn = hs->local_isn,
		.remote_isn = hs->remote_isn,
		.netns = hs->netns,
		.pid = hs->pid,
		.flags = hs->flags | HS_LIGHT,
		.fate = hs->fate,
		.role = hs->role,
	};
	__u64 cookie = hs->cookie;

	if (is_looked_at(hs->cgroup))
		return false;
	__builtin_memcpy(light.comm, hs->comm, sizeof(light.comm));
	notice(hs->cgroup, NOTICE_NEW);
	announce(hs);
	bpf_map_update_elem(&lights, &cookie, &light, BPF_ANY);
	land(cookie);
	return true;
}

// recall makes the entry again of a connection that begins to end.
static __always_inline struct handshake *recall(struct bpf_sock_ops *ops, __u64 cookie)
{
	struct light *light = bpf_map_lookup_elem(&lights, &cookie);
	struct handshake *hs;

	if (!light)
		return NULL;
	hs = take_off(cookie);
	if (!hs) {
		count(COUNT_LOST_INFLIGHT);
		return NULL;
	}
	hs->kind = RING_HANDSHAKE;
	hs->cookie = cookie;
	hs->start_ns = light->start_ns;
	hs->cgroup = light->cgroup;
	hs->error_said = light->error_said;
	hs->local_isn = hs->stream[SENT].next = hs->stream[SENT].top = light->local_isn;
	hs->remote_isn = hs->stream[RECEIVED].next = hs->stream[RECEIVED].top = light->remote_isn;
	hs->netns = light->netns;
	hs->pid = light->pid;
	hs->flags = light->flags;
	hs->fate = light->fate;
	hs->role = light->role;
	__builtin_memcpy(hs->comm, light->comm, sizeof(hs->comm));
	note_addresses(hs, ops);
	bpf_map_delete_elem(&lights, &cookie);
	return hs;
}

// measure takes how many bytes a connection has moved from its socket: nobody has looked at them. A client that has sent one segment has
// not come to its Finished.
static __always_inline void measure(struct handshake *hs, struct bpf_sock_ops *ops)
{
	__u32 sent = ops->data_segs_out, received = ops->data_segs_in;

	barrier_var(sent); // else one load is made of both, at an offset that depends
	barrier_var(received);
	if ((hs->role == ROLE_CLIENT ? sent : received) > 1)
		hs->flags &= ~HS_ONE_FLIGHT;
	else
		hs->flags |= HS_ONE_FLIGHT;
	hs->stream[SENT].top = ops->snd_nxt - (hs->closer == CLOSER_LOCAL && hs->how == HOW_FIN);
	hs->stream[RECEIVED].top = hs->remote_isn + ops->bytes_received;
}

// end_connect: the socket closed before TCP was established.
static __always_inline void end_connect(struct handshake *hs)
{
	note_close(hs, hs->error ? CLOSER_REMOTE : CLOSER_LOCAL, HOW_REFUSED);
	finish(hs, END_CONNECT);
}

// end_socket: an established socket closed. A local abort (close with unread data, SO_LINGER 0, disconnect) closes the
// socket first and sends its reset right after, in the same call: the reset then ends the entry.
static __always_inline void end_socket(struct handshake *hs, int old)
{
	bool open = old == BPF_TCP_ESTABLISHED || old == BPF_TCP_SYN_RECV || old == BPF_TCP_CLOSE_WAIT;

	if (hs->error == ETIMEDOUT) {
		note_close(hs, CLOSER_NETWORK, HOW_TIMEOUT);
	} else if (hs->error == ECONNRESET || hs->error == EPIPE) {
		hs->flags |= HS_RESET_RECEIVED;
		note_close(hs, CLOSER_REMOTE, HOW_RST);
	} else if (open && !(hs->flags & HS_RESET_SENT)) {
		hs->flags |= HS_ABORTING;
		note_close(hs, CLOSER_LOCAL, HOW_RST);
		if (reset_hooked || !(hs->flags & HS_LIGHT))
			return;
	}
	finish(hs, END_CLOSED);
}

static __always_inline void change_state(struct handshake *hs, struct bpf_sock_ops *ops, struct sock *sk, __u64 now)
{
	int old = ops->args[0], new = ops->args[1];

	note_process(hs, sk);
	if (hs->flags & HS_LIGHT) {
		announce(hs); // a server's process is known from here on
		measure(hs, ops);
	}
	// Without a look at what the thread sends, an error waits for a close: that of a long connection is not the one that failed.
	if (!(hs->flags & HS_LIGHT) || is_short(hs))
		claim_error(hs, sk, now, true);
	else
		drop_late_error(sk, now);
	if (selective)
		note_failure(hs);
	switch (new) {
	case BPF_TCP_FIN_WAIT1:
	case BPF_TCP_LAST_ACK:
		note_close(hs, CLOSER_LOCAL, HOW_FIN);
		break;
	case BPF_TCP_CLOSE_WAIT:
		note_close(hs, CLOSER_REMOTE, HOW_FIN);
		break;
	case BPF_TCP_CLOSE:
		hs->error = sk->sk_err;
		hs->retransmits = ops->total_retrans;
		if (old == BPF_TCP_SYN_SENT) {
			note_arrival(hs, ops->snd_una);
			end_connect(hs);
		} else {
			end_socket(hs, old);
		}
	}
}

static __always_inline void on_state(struct bpf_sock_ops *ops)
{
	struct handshake *hs = handshake_in_flight(ops);
	struct sock *sk = kernel_sock(ops);
	__u64 now = bpf_ktime_get_ns();

	if (!sk)
		return;
	if (!hs && selective)
		hs = recall(ops, bpf_get_socket_cookie(ops));
	if (hs)
		change_state(hs, ops, sk, now);
	else
		drop_error(sk, now);
}

// on_destroy: close() of a socket that the peer has reset, or that never connected, changes no state any more. What its library
// said belongs to no other connection. But where errors wait for a close, that of a long connection leaves them to the one that failed.
static __always_inline void on_destroy(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (selective && can_read_kernel &&
	    (BPF_CORE_READ(tp, bytes_received) > HANDSHAKE_FITS || BPF_CORE_READ(tp, bytes_acked) > HANDSHAKE_FITS))
		return;
	drop_error(sk, bpf_ktime_get_ns());
}
