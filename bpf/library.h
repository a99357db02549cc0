// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What TLS libraries say about a failure, and the join of that with a connection. A probe knows only its thread. The
// thread's next record or close on a socket that is in a handshake is where the error belongs: the library raises it and
// then tells the peer, or hands it to a program that closes.
#pragma once

#define ERROR_TTL_NS 1000000000ULL // an error that no connection has claimed by then belongs to none
#define SAME_CALL_NS 100000000ULL  // within one call of the library, on a busy machine
#define AFTERMATH_NS 100000000ULL  // after a claim: more of the same, if the probe sees no session
#define LIB_SSL_OPENSSL 20
#define LIB_SSL_BORINGSSL 16
#define OPENSSL_REASON_MASK 0x7fffff // ERR_REASON_MASK of 3.x: reasons that all libraries share have flags below it
#define PROTOCOL_IS_SHUTDOWN 207     // OpenSSL's wrappers
#define RECORD_LAYER_FAILURE 313
#define UNEXPECTED_EOF 294 // OpenSSL 3: the peer closed without close_notify
#define SHUTDOWN_WHILE_IN_INIT 407
#define REMOTE_ALERT 1000 // a received alert n is reason 1000 + n

// Set by the loader: bpf_get_attach_cookie is there (commit 7adfc6c9b315, Linux 5.15).
const volatile bool has_cookie = false;

// The layout that fits OpenSSL 1.1.1 to 3.6 and BoringSSL; a cookie names another.
#define VERIFY_ERROR_DEFAULT 0xb0
#define VERIFY_DEPTH_DEFAULT 0xac

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32); // thread id
	__type(value, struct thread_error);
} thread_errors SEC(".maps");

// When the last error was raised, on any thread: while that is long ago, packets are spared the look-up.
__u64 last_error_ns;

static __always_inline __u64 attach_cookie(void *ctx)
{
	return has_cookie ? bpf_get_attach_cookie(ctx) : 0;
}

static __always_inline struct thread_error *current_error(void)
{
	__u32 thread = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&thread_errors, &thread);
}

// begin_error makes a new error for the current thread.
static __always_inline struct thread_error *begin_error(__u64 session)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct thread_error fresh = {.error.ns = bpf_ktime_get_ns(), .session = session};

	last_error_ns = fresh.error.ns;
	bpf_map_update_elem(&thread_errors, &thread, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&thread_errors, &thread);
}

// said_of returns where what its library says of a connection is kept, or NULL once its handshake is over.
static __always_inline struct library_error *said_of(__u64 cookie)
{
	struct handshake *hs = bpf_map_lookup_elem(&inflight, &cookie);
	struct light *light;

	if (hs)
		return &hs->error_said;
	light = bpf_map_lookup_elem(&lights, &cookie);
	return light ? &light->error_said : NULL;
}

// is_same tells whether what is raised now is more of the error at hand: wrappers and noise that come right after it. An
// error that nobody has claimed by then is stale: its connection was gone already. The library may have given the session's
// address to the next one.
static __always_inline bool is_same(const struct thread_error *e, __u64 session)
{
	__u64 age = bpf_ktime_get_ns() - e->error.ns, cookie = e->cookie;

	if (session && e->session && session != e->session)
		return false;
	if (!cookie && session && session == e->session &&
	    !e->error.family) // the verification of this session, and now what came of it
		return age < ERROR_TTL_NS;
	if (!cookie)
		return age < SAME_CALL_NS;
	if (!said_of(cookie))
		return false;
	return session && e->session ? age < ERROR_TTL_NS : age < AFTERMATH_NS;
}

// is_next tells whether a reason is that of the next connection, to which the library has given the address of a session whose
// own error nobody has claimed: a session fails once, and then only wraps its error up.
static __always_inline bool is_next(const struct thread_error *e, __u64 session, __u32 reason)
{
	if (e->cookie || !e->error.family || !session || session != e->session)
		return false;
	if (e->error.family == FAMILY_GNUTLS && (__s32)e->error.reason < 0) // its error, and now the alert for it
		return false;
	return reason != RECORD_LAYER_FAILURE && reason != PROTOCOL_IS_SHUTDOWN && reason != SHUTDOWN_WHILE_IN_INIT;
}

// note_reason keeps the first reason: wrappers and the noise of shutting down come after it, also after a connection has
// claimed it.
static __always_inline void note_reason(__u64 session, __u8 family, __u32 reason)
{
	struct thread_error *e = current_error();

	if (!e || !is_same(e, session) || is_next(e, session, reason))
		e = begin_error(session);
	if (!e || e->cookie || e->error.family)
		return;
	e->session = session;
	e->error.family = family;
	e->error.reason = reason;
}

static __always_inline void note_error(__u32 lib, __u32 reason)
{
	if (lib == LIB_SSL_OPENSSL)
		note_reason(0, FAMILY_OPENSSL, reason & OPENSSL_REASON_MASK);
	else if (lib == LIB_SSL_BORINGSSL)
		note_reason(0, FAMILY_BORINGSSL, reason);
}

// note_verify keeps the result of verifying a certificate. It is no failure by itself: a program may go on.
static __always_inline void note_verify(__u64 session, __u8 family, __u32 result, __u32 depth)
{
	struct thread_error *e = current_error();

	if (!e || e->cookie || !is_same(e, session))
		e = begin_error(session);
	if (!e || e->error.verify)
		return;
	e->error.verify = result;
	e->error.verifier = family;
	e->error.depth = depth;
}

// note_store reads the result that X509_STORE_CTX_get_error is about to be asked for, or to return.
static __always_inline void note_store(void *ctx, void *store)
{
	__u64 cookie = attach_cookie(ctx);
	__u32 at_error = cookie & 0xffff ?: VERIFY_ERROR_DEFAULT;
	__u32 at_depth = cookie >> 16 & 0xffff ?: VERIFY_DEPTH_DEFAULT;
	__s32 error = 0, depth = 0;

	if (bpf_probe_read_user(&error, sizeof(error), store + at_error) || !error)
		return;
	bpf_probe_read_user(&depth, sizeof(depth), store + at_depth);
	note_verify(0, cookie >> 32, error, depth);
}

// gnutls_certificate_verify_peers(session, data, elements, status): the result is in *status when it returns.
struct verify_call {
	__u64 session;
	__u64 status;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32); // thread id
	__type(value, struct verify_call);
} verify_calls SEC(".maps");

static __always_inline void begin_verify(__u64 session, __u64 status)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct verify_call call = {.session = session, .status = status};
	struct thread_error *e = current_error();

	if (e && !e->cookie) // of an earlier session, maybe at the same address
		bpf_map_delete_elem(&thread_errors, &thread);
	bpf_map_update_elem(&verify_calls, &thread, &call, BPF_ANY);
}

static __always_inline void end_verify(int ret)
{
	__u32 thread = bpf_get_current_pid_tgid(), status = 0;
	struct verify_call *call = bpf_map_lookup_elem(&verify_calls, &thread);

	if (!call)
		return;
	if (!ret && !bpf_probe_read_user(&status, sizeof(status), (void *)call->status) && status)
		note_verify(call->session, FAMILY_GNUTLS, status, 0);
	bpf_map_delete_elem(&verify_calls, &thread);
}

// Errors of GnuTLS that tell of no failure of its own: the peer's alert, a transport that is gone or not ready.
#define GNUTLS_FATAL_ALERT_RECEIVED -12
#define GNUTLS_WARNING_ALERT_RECEIVED -16
#define GNUTLS_AGAIN -28
#define GNUTLS_INTERRUPTED -52
#define GNUTLS_PUSH_ERROR -53
#define GNUTLS_PULL_ERROR -54
#define GNUTLS_PREMATURE_TERMINATION -110

static __always_inline void note_gnutls_error(__u64 session, int error)
{
	switch (error) {
	case GNUTLS_FATAL_ALERT_RECEIVED:
	case GNUTLS_WARNING_ALERT_RECEIVED:
	case GNUTLS_AGAIN:
	case GNUTLS_INTERRUPTED:
	case GNUTLS_PUSH_ERROR:
	case GNUTLS_PULL_ERROR:
	case GNUTLS_PREMATURE_TERMINATION:
		return;
	}
	if (error < 0)
		note_reason(session, FAMILY_GNUTLS, error);
}

// errors_are_recent: another processor may have raised one since now was read.
static __always_inline bool errors_are_recent(__u64 now)
{
	return last_error_ns && (__s64)(now - last_error_ns) < (__s64)ERROR_TTL_NS;
}

// task_error returns the error of the thread that uses the socket. Programs on sockets cannot ask for the thread's id.
static __always_inline struct thread_error *task_error(__u32 *thread)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	*thread = BPF_CORE_READ(task, pid);
	return bpf_map_lookup_elem(&thread_errors, thread);
}

// adopt adds an error to what a handshake knows. Of several reasons the first counts, as it does within the library.
static __always_inline void adopt(struct library_error *said, const struct library_error *e)
{
	if (!said->ns)
		said->ns = e->ns;
	if (!said->family) {
		said->family = e->family;
		said->reason = e->reason;
	}
	if (!said->verify) {
		said->verify = e->verify;
		said->verifier = e->verifier;
		said->depth = e->depth;
	}
	if (e->get_error)
		said->get_error = e->get_error;
}

// is_of tells whether an error can be a connection's: raised while it lasted, not long ago, and not claimed by another.
static __always_inline bool is_of(const struct thread_error *e, __u64 cookie, __u64 start_ns)
{
	if (e->error.ns < start_ns || bpf_ktime_get_ns() - e->error.ns > ERROR_TTL_NS)
		return false;
	return !e->cookie || e->cookie == cookie;
}

// Go moves a connection from thread to thread as it likes: the probe sees the connection itself, and finds its socket.
struct go_connection {
	__u64 conn; // *tls.Conn
	__u32 pid;
	__u32 _pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct go_connection);
	__type(value, __u64); // cookie of the socket
} go_connections SEC(".maps");

// descriptor_cookie returns the cookie of the socket that a descriptor of the current process is; garbage if it is none.
static __always_inline __u64 descriptor_cookie(__u32 descriptor)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct socket *socket;

	if (descriptor >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), files + descriptor))
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk, __sk_common.skc_cookie.counter);
}

// said_to returns where to keep an error of a process' connection, or NULL if the connection cannot be what it was raised for.
static __always_inline struct library_error *said_to(__u64 cookie, __u32 pid, const struct thread_error *e)
{
	struct handshake *hs = bpf_map_lookup_elem(&inflight, &cookie);
	struct light *light;

	if (hs)
		return (hs->pid && hs->pid != pid) || !is_of(e, cookie, hs->start_ns) ? NULL : &hs->error_said;
	light = bpf_map_lookup_elem(&lights, &cookie);
	if (!light || (light->pid && light->pid != pid) || !is_of(e, cookie, light->start_ns))
		return NULL;
	return &light->error_said;
}

// give_go_error gives an alert that a Go connection is about to send to the handshake of its descriptor, whatever thread will write it.
static __always_inline void give_go_error(__u64 conn, int descriptor)
{
	struct go_connection key = {.conn = conn, .pid = bpf_get_current_pid_tgid() >> 32};
	struct thread_error *e = current_error();
	struct library_error none = {}, *said;
	__u64 cookie;

	if (!can_read_kernel || descriptor < 0 || !e || e->cookie)
		return;
	cookie = descriptor_cookie(descriptor);
	said = said_to(cookie, key.pid, e);
	if (!said)
		return;
	adopt(said, &e->error);
	e->cookie = cookie;
	none.ns = e->error.ns;
	e->error = none;
	bpf_map_update_elem(&go_connections, &key, &cookie, BPF_ANY);
}

// note_go_alert notes an alert that a Go connection is about to send. One that has closed its socket sends none: the alert would be left to
// the next connection of the thread.
static __always_inline void note_go_alert(__u64 conn, __u8 alert, __u64 attached)
{
	int descriptor = go_descriptor(conn, attached);

	if (descriptor == GO_CLOSED)
		return;
	note_reason(conn, FAMILY_GO, alert);
	give_go_error(conn, descriptor);
}

// go_said_of returns what a Go connection has said that has sent an alert.
static __always_inline struct library_error *go_said_of(__u64 conn)
{
	struct go_connection key = {.conn = conn, .pid = bpf_get_current_pid_tgid() >> 32};
	__u64 *cookie = bpf_map_lookup_elem(&go_connections, &key), owner;

	if (!cookie)
		return NULL;
	owner = *cookie;
	bpf_map_delete_elem(&go_connections, &key);
	return said_of(owner);
}

// go_error_of returns where the alert is that the connection has sent: with its handshake, or still with the thread.
static __always_inline struct library_error *go_error_of(__u64 session)
{
	struct library_error *said = go_said_of(session);
	struct thread_error *e;
	__u64 cookie;

	if (said)
		return said;
	e = current_error();
	if (!e || (session && e->session != session) || !is_same(e, session))
		return NULL;
	cookie = e->cookie;
	said = cookie ? said_of(cookie) : NULL;
	return said ?: &e->error;
}

// note_go_error adds to an alert that a Go connection has sent, and maybe claimed, the error that its handshake then returned: a
// type's hash, and what tells errors of that type apart.
static __always_inline void note_go_error(__u64 session, __u64 cookie, __u64 itab, __u64 data)
{
	__u32 hash = read_word(itab + GO_ITAB_HASH), detail;
	struct library_error *to = go_error_of(session);

	if (!to || to->verify || to->family != FAMILY_GO)
		return;
	if (hash && hash == GO_COOKIE_VERIFICATION(cookie)) {
		hash = read_word(read_word(data + GO_VERIFICATION_ERR) + GO_ITAB_HASH);
		detail = certificate_detail(read_word(data + GO_VERIFICATION_ERR + 8));
	} else {
		detail = error_detail(data);
	}
	to->verify = hash;
	to->verifier = FAMILY_GO;
	to->depth = detail;
}

// is_cut_off tells whether the library says that its peer closed in the middle.
static __always_inline bool is_cut_off(const struct thread_error *e)
{
	return e->error.family == FAMILY_OPENSSL && e->error.reason == UNEXPECTED_EOF;
}

// is_unsent tells whether the error is an alert that was made for another connection than this one, which has never sent anything: Go closes
// a socket and then makes an alert for it, too. Where the probe finds the socket, such an alert is not noted at all.
static __always_inline bool is_unsent(const struct thread_error *e, struct sock *sk)
{
	return e->error.family == FAMILY_GO && !BPF_CORE_READ((struct tcp_sock *)sk, data_segs_out);
}

// claim_error gives a handshake the error that its thread has raised. The claim holds until the thread closes the socket:
// what the library says in between is the aftermath. Where only the thread tells whose error it is, none is cut off that its peer has not
// closed.
static __always_inline void claim_error(struct handshake *hs, struct sock *sk, __u64 now, bool closing)
{
	struct library_error none = {};
	struct thread_error *e;
	__u32 thread;

	if (!can_read_kernel || !errors_are_recent(now) || !owner_is_current(sk))
		return;
	e = task_error(&thread);
	if (!e || ((hs->flags & HS_LIGHT) && is_cut_off(e) && hs->closer != CLOSER_REMOTE))
		return;
	if (is_of(e, hs->cookie, hs->start_ns) && !(closing && is_unsent(e, sk)))
		adopt(&hs->error_said, &e->error);
	if (closing || !(e->error.family || e->cookie)) { // a verify result alone has no aftermath: the program went on
		bpf_map_delete_elem(&thread_errors, &thread);
		return;
	}
	e->cookie = hs->cookie;
	none.ns = e->error.ns;
	e->error = none;
}

// drop_error forgets an error of the current thread that belongs to a connection which is not followed.
static __always_inline void drop_error(struct sock *sk, __u64 now)
{
	__u32 thread;

	if (can_read_kernel && errors_are_recent(now) && owner_is_current(sk) && task_error(&thread))
		bpf_map_delete_elem(&thread_errors, &thread);
}

// drop_late_error forgets an error of the current thread that may be how a long connection ended, since that one closes now. One that
// can only come of a handshake waits for its own close.
static __always_inline void drop_late_error(struct sock *sk, __u64 now)
{
	struct thread_error *e;
	__u32 thread;

	if (!can_read_kernel || !errors_are_recent(now) || !owner_is_current(sk))
		return;
	e = task_error(&thread);
	if (!e || e->error.family == FAMILY_GO || e->error.family == FAMILY_GNUTLS)
		return;
	if (is_cut_off(e) || e->error.reason >= REMOTE_ALERT)
		bpf_map_delete_elem(&thread_errors, &thread);
}

// SSL_get_error(session, ret): ret is what an earlier call returned; above 0 it was no failure. What it makes of it comes
// at its return. WANT_READ and WANT_WRITE are progress.
#define SSL_ERROR_NONE 0
#define SSL_ERROR_WANT_READ 2
#define SSL_ERROR_WANT_WRITE 3

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32); // thread id
	__type(value, __u8);
} failed_calls SEC(".maps");

static __always_inline void note_call(int ret)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u8 yes = 1;

	if (ret <= 0)
		bpf_map_update_elem(&failed_calls, &thread, &yes, BPF_ANY);
}

static __always_inline void note_result(int result)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct library_error *said;
	struct thread_error *e;
	__u64 cookie;

	if (bpf_map_delete_elem(&failed_calls, &thread))
		return;
	if (result == SSL_ERROR_NONE || result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE)
		return;
	e = current_error();
	if (!e)
		return;
	cookie = e->cookie;
	said = cookie ? said_of(cookie) : NULL;
	if (said)
		said->get_error = result;
	else if (!cookie)
		e->error.get_error = result;
}
