// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The life of an entry in inflight: made at connect or accept, told or counted when its handshake is over.
#pragma once

// Set by the loader.
const volatile bool report_successes = false;
const volatile bool report_noise = false;
const volatile bool find_libraries = false;

// server_is_tls_listener: the server's end knows its port, and leaves word for a client on the same machine.
static __always_inline bool server_is_tls_listener(const struct handshake *hs)
{
	struct total *t = total_of(hs, false);
	struct twin *w;

	if (!t || !t->tls)
		return false;
	w = twin_of(hs);
	if (w)
		w->tls_listener = 1;
	return true;
}

static __always_inline bool client_is_told_so(const struct handshake *hs)
{
	struct twin *w = twin_of(hs);

	return w && w->tls_listener;
}

// is_tls_listener tells whether the server port is known to answer with TLS. Only the server's end can know.
static __always_inline bool is_tls_listener(struct handshake *hs)
{
	if (hs->flags & HS_TLS_LISTENER)
		return true;
	if (!(hs->role == ROLE_SERVER ? server_is_tls_listener(hs) : client_is_told_so(hs)))
		return false;
	hs->flags |= HS_TLS_LISTENER;
	return true;
}

static __always_inline bool silent(const struct handshake *hs)
{
	return !moved(hs, SENT) && !moved(hs, RECEIVED);
}

static __always_inline bool spoke_tls(const struct handshake *hs)
{
	return hs->stream[SENT].state != STREAM_OPENING || hs->stream[RECEIVED].state != STREAM_OPENING;
}

// classify_end refines END_CLOSED for a connection that carried no TLS.
static __always_inline __u32 classify_end(struct handshake *hs)
{
	if (spoke_tls(hs) || hs->error_said.family)
		return END_CLOSED;
	if (silent(hs))
		return END_QUIET;
	return is_tls_listener(hs) ? END_CLOSED : END_PLAIN;
}

// counts tells whether this end counts its connection: one whose client is on this machine, too, is the client's to count.
static __always_inline bool counts(const struct handshake *hs)
{
	return hs->role == ROLE_CLIENT || !(hs->flags & HS_BOTH_LOCAL);
}

static __always_inline void count_end(__u32 ending)
{
	switch (ending) {
	case END_SUCCEEDED:
		return count(COUNT_SUCCEEDED);
	case END_PLAIN:
		return count(COUNT_PLAIN);
	case END_QUIET:
		return count(COUNT_QUIET);
	case END_LIGHT:
		return count(COUNT_LIGHT);
	}
	count(COUNT_ENDED);
}

static __always_inline bool is_told(__u32 ending)
{
	switch (ending) {
	case END_SUCCEEDED:
		return report_successes;
	case END_PLAIN:
	case END_QUIET:
		return report_noise;
	case END_LIGHT:
		return false;
	}
	return true;
}

// tell_hello hands over the bytes of a hello that are there.
static __always_inline void tell_hello(struct hello_part *part)
{
	__u64 n = part->length;

	if (!n)
		return;
	if (n > HELLO_BYTES)
		n = HELLO_BYTES;
	barrier_var(n);
	n &= 2 * HELLO_BYTES - 1;
	if (n <= HELLO_BYTES && bpf_ringbuf_output(&events, part, __builtin_offsetof(struct hello_part, bytes) + n, 0))
		count(COUNT_LOST_HELLO);
}

// tell hands an ended handshake and its hellos to user space. The hellos come first; both carry the cookie.
static __noinline void tell(struct handshake *hs, __u64 cookie)
{
	struct twin *w = twin_of(hs);
	struct hello *hello = bpf_map_lookup_elem(&hellos, &cookie);
	struct twin_key key = connection_of(hs, cookie);

	if (w)
		hs->twin = hs->role == ROLE_CLIENT ? w->server : w->client;
	if (hs->twin)
		hs->flags |= HS_BOTH_LOCAL;
	if (!may_tell(hs, &key))
		return;
	if (hello) {
		tell_hello(&hello->client);
		tell_hello(&hello->server);
	}
	hand_over(hs, &key);
}

// finish ends an entry: counted always, told where asked for. Whoever deletes it counts it, so that two CPUs that
// finish one handshake at the same time count it once.
static __always_inline void finish(struct handshake *hs, __u32 ending)
{
	__u64 cookie = hs->cookie;
	bool counted = counts(hs); // a deleted entry may be another's at once

	if (ending == END_CLOSED)
		ending = hs->flags & HS_LIGHT ? classify_light(hs) : classify_end(hs);
	hs->ending = ending;
	hs->end_ns = bpf_ktime_get_ns();
	if (is_told(ending))
		tell(hs, cookie);
	if (ending == END_CLOSED || ending == END_SUCCEEDED)
		count_total(hs);
	bpf_map_delete_elem(&hellos, &cookie);
	if (land(cookie) && counted)
		count_end(ending);
}

static __always_inline void note_close(struct handshake *hs, __u8 closer, __u8 how)
{
	if (hs->closer)
		return;
	hs->closer = closer;
	hs->how = how;
	hs->close_ns = bpf_ktime_get_ns();
}
