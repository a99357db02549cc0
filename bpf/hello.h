// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The hellos of a handshake, kept as bytes for user space to parse.
#pragma once

// hello_of returns where a handshake's hellos are kept, or NULL if there is no room for them.
static __always_inline struct hello *hello_of(struct handshake *hs)
{
	__u64 cookie = hs->cookie;
	struct hello *hello = bpf_map_lookup_elem(&hellos, &cookie);
	struct blank *none;

	if (hello || hs->flags & HS_NO_HELLO)
		return hello;
	none = blank();
	if (!none)
		return NULL;
	if (bpf_map_update_elem(&hellos, &cookie, &none->hello, BPF_NOEXIST)) {
		hs->flags |= HS_NO_HELLO;
		count(COUNT_LOST_HELLO);
		return NULL;
	}
	hello = bpf_map_lookup_elem(&hellos, &cookie);
	if (hello) {
		hello->client.kind = RING_CLIENT_HELLO;
		hello->server.kind = RING_SERVER_HELLO;
		hello->client.cookie = hello->server.cookie = cookie;
	}
	return hello;
}
