// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two ends of a connection, if both are on this machine.
#pragma once

static __always_inline struct twin_key twin_key_of(const struct handshake *hs)
{
	bool client = hs->role == ROLE_CLIENT;

	return (struct twin_key){
		.client_isn = client ? hs->local_isn : hs->remote_isn,
		.server_isn = client ? hs->remote_isn : hs->local_isn,
	};
}

static __always_inline struct twin *twin_of(const struct handshake *hs)
{
	struct twin_key key = twin_key_of(hs);

	return bpf_map_lookup_elem(&twins, &key);
}

// join_twin leaves word for the other end that this one is here. It returns what that has left, or NULL if it has not been here yet: a
// client is established before its server, and need not look.
static __always_inline struct twin *join_twin(const struct handshake *hs)
{
	bool client = hs->role == ROLE_CLIENT;
	struct twin_key key = twin_key_of(hs);
	struct twin own = {.client = client ? hs->cookie : 0, .server = client ? 0 : hs->cookie};
	struct twin *t = client ? NULL : bpf_map_lookup_elem(&twins, &key);

	if (!t) {
		if (!bpf_map_update_elem(&twins, &key, &own, BPF_NOEXIST))
			return NULL;
		t = bpf_map_lookup_elem(&twins, &key);
	}
	if (!t)
		return NULL;
	if (client)
		t->client = hs->cookie;
	else
		t->server = hs->cookie;
	return t;
}
