// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The kernel side of tlstrace. It copies facts and judges nothing but this: whether a handshake has surely succeeded.
// Every program lets every packet and every socket pass unchanged.
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "types.h"
#include "maps.h"
#include "flight.h"
#include "compat.h"
#include "source.h"
#include "stash.h"
#include "hello.h"
#include "stream.h"
#include "preface.h"
#include "totals.h"
#include "twin.h"
#include "light.h"
#include "limit.h"
#include "handshake.h"
#include "reset.h"
#include "go.h"
#include "library.h"
#include "announce.h"
#include "socket.h"
#include "wire.h"

// Never read: keeps the enumerations in the type information, from which the Go side is generated.
const volatile struct {
	enum direction direction;
	enum role role;
	enum ring_kind ring_kind;
	enum ending ending;
	enum stream_state stream_state;
	enum gap gap;
	enum closer closer;
	enum close_how close_how;
	enum preface preface;
	enum counter counter;
	enum family family;
	enum fate fate;
	enum reset_phase reset_phase;
	enum notice notice;
	struct cgroup_notice cgroup_notice;
	struct process process;
	enum stream_flag stream_flag;
	enum handshake_flag handshake_flag;
} vocabulary = {};

SEC("cgroup_skb/egress")
int packet_sent(struct __sk_buff *skb)
{
	on_packet(skb, SENT);
	return 1;
}

SEC("cgroup_skb/ingress")
int packet_received(struct __sk_buff *skb)
{
	on_packet(skb, RECEIVED);
	return 1;
}

SEC("sockops")
int socket_event(struct bpf_sock_ops *ops)
{
	struct handshake *hs;

	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		if (open_handshake(ops, ROLE_CLIENT))
			count(COUNT_CONNECTIONS);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		hs = handshake_in_flight(ops);
		if (!hs) {
			establish_lost(ops);
			break;
		}
		establish(hs, ops);
		step_back(hs);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		hs = open_handshake(ops, ROLE_SERVER);
		if (!hs)
			break;
		establish(hs, ops);
		if (counts(hs))
			count(COUNT_CONNECTIONS);
		if (!step_back(hs))
			take_early(hs, ops);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		on_state(ops);
	}
	return 1;
}

SEC("fentry/tcp_send_active_reset")
int BPF_PROG(reset_sent_fentry, struct sock *sk, gfp_t priority)
{
	on_reset_sent(sk, 0);
	return 0;
}

SEC("fentry/tcp_send_active_reset")
int BPF_PROG(reset_sent_fentry_reason, struct sock *sk, gfp_t priority, int reason)
{
	on_reset_sent(sk, reason);
	return 0;
}

SEC("kprobe/tcp_send_active_reset")
int BPF_KPROBE(reset_sent_kprobe, struct sock *sk, gfp_t priority, int reason)
{
	on_reset_sent(sk, reason);
	return 0;
}

// Fires for resets that answer a segment, too: those carry the segment and are not of this socket's making.
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_tracepoint, struct sock *sk, struct sk_buff *skb)
{
	if (!skb)
		on_reset_sent(sk, 0);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_tracepoint_reason, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (!skb)
		on_reset_sent(sk, reason);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(syn_refused, struct sock *sk, struct sk_buff *skb)
{
	if (skb)
		on_syn_refused(skb);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received_tracepoint, struct sock *sk)
{
	on_reset_received(sk);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(socket_destroyed, struct sock *sk)
{
	on_destroy(sk);
	return 0;
}

SEC("uprobe/openssl_statem_fatal")
int BPF_KPROBE(openssl_statem_fatal, void *session, int alert, int reason)
{
	note_reason((__u64)session, FAMILY_OPENSSL, reason & OPENSSL_REASON_MASK);
	return 0;
}

SEC("uprobe/openssl_statem_fatal_111")
int BPF_KPROBE(openssl_statem_fatal_111, void *session, int alert, int func, int reason)
{
	note_reason((__u64)session, FAMILY_OPENSSL, reason & OPENSSL_REASON_MASK);
	return 0;
}

SEC("uprobe/openssl_record_fatal")
int BPF_KPROBE(openssl_record_fatal, void *layer, int alert, int reason)
{
	note_reason(0, FAMILY_OPENSSL, reason & OPENSSL_REASON_MASK);
	return 0;
}

SEC("uprobe/openssl_set_error")
int BPF_KPROBE(openssl_set_error, int lib, int reason)
{
	note_error(lib, reason);
	return 0;
}

SEC("uprobe/put_error")
int BPF_KPROBE(put_error, int lib, int func, int reason)
{
	note_error(lib, reason);
	return 0;
}

// At a call of the function that returns the result, whose argument is already in place.
SEC("uprobe/verify_call")
int BPF_KPROBE(verify_call, void *store)
{
	note_store(ctx, store);
	return 0;
}

SEC("uprobe/verify_result")
int BPF_KPROBE(verify_result, void *store)
{
	note_store(ctx, store);
	return 0;
}

// A place in BoringSSL where the result of a verification is in the register of a first argument.
SEC("uprobe/verify_code")
int BPF_KPROBE(verify_code, long code)
{
	if (code > 0)
		note_verify(0, FAMILY_BORINGSSL, code, 0);
	return 0;
}

SEC("uprobe/gnutls_verify")
int BPF_KPROBE(gnutls_verify, void *session, void *data, int elements, void *status)
{
	begin_verify((__u64)session, (__u64)status);
	return 0;
}

SEC("uretprobe/gnutls_verify")
int BPF_KRETPROBE(gnutls_verify_return, int ret)
{
	end_verify(ret);
	return 0;
}

SEC("uprobe/gnutls_error")
int BPF_KPROBE(gnutls_error, void *session, int error)
{
	note_gnutls_error((__u64)session, error);
	return 0;
}

SEC("uprobe/gnutls_alert_send")
int BPF_KPROBE(gnutls_alert_send, void *session, int level, int description)
{
	if (description)
		note_reason((__u64)session, FAMILY_GNUTLS, description);
	return 0;
}

SEC("uprobe/go_alert")
int go_alert(struct pt_regs *ctx)
{
	__u8 alert = GO_ARG2(ctx);

	if (alert) // not close_notify
		note_go_alert(GO_ARG1(ctx), alert, attach_cookie(ctx));
	return 0;
}

SEC("uprobe/go_handshake")
int go_handshake(struct pt_regs *ctx)
{
	__u64 cookie = attach_cookie(ctx), receiver = GO_COOKIE_RECEIVER(cookie), session;
	__u32 alert;

	if (!GO_ARG1(ctx))
		return 0;
	session = receiver ? read_word(PT_REGS_SP(ctx) + receiver) : 0;
	alert = received_alert(GO_ARG2(ctx), cookie);
	if (alert != GO_NO_ALERT)
		note_reason(session, FAMILY_GO, REMOTE_ALERT + alert);
	else
		note_go_error(session, cookie, GO_ARG1(ctx), GO_ARG2(ctx));
	return 0;
}

SEC("uprobe/ssl_get_error")
int BPF_KPROBE(ssl_get_error, void *session, int ret)
{
	note_call(ret);
	return 0;
}

SEC("uretprobe/ssl_get_error")
int BPF_KRETPROBE(ssl_get_error_return, int result)
{
	note_result(result);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
