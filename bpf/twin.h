// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two ends of a connection, if both are on this machine.
#pragma once

static __always_inline struct twin *twin_of(const struct handshake *hs, bool make)
{
	bool client = hs->role == ROLE_CLIENT;
	struct twin_key key = {
		.client_isn = client ? hs->local_isn : hs->remote_isn,
		.server_isn = client ? hs->remote_isn : hs->local_isn,
	};
	struct twin *t = bpf_map_lookup_elem(&twins, &key);
	struct twin none = {};

	if (t || !make)
		return t;
	bpf_map_update_elem(&twins, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&twins, &key);
}
