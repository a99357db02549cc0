// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which sockets may have an entry in inflight, told without a look-up: next to all packets belong to connections that have none.
#pragma once

#define FLIGHTS 16384 // a power of two
#define EEXIST 17

// How many entries there are in inflight, by the last bits of their cookies. Cookies are numbers in a row, so that few sockets share a
// place. What user space deletes stays counted: packets of sockets that share its place are looked up in vain.
__u32 flights[FLIGHTS];

static __always_inline __u32 *flights_of(__u64 cookie)
{
	__u32 place = cookie & (FLIGHTS - 1);

	return &flights[place];
}

static __always_inline bool may_be_in_flight(__u64 cookie)
{
	return *flights_of(cookie) != 0;
}

// take_off makes a blank entry, in place of the one that the socket may have had. It is counted before it is there, so that no packet
// finds it missing.
static __always_inline struct handshake *take_off(__u64 cookie)
{
	struct blank *none = blank();
	long err;

	if (!none)
		return NULL;
	__sync_fetch_and_add(flights_of(cookie), 1);
	err = bpf_map_update_elem(&inflight, &cookie, &none->handshake, BPF_NOEXIST);
	if (err)
		__sync_fetch_and_add(flights_of(cookie), -1);
	if (err == -EEXIST)
		err = bpf_map_update_elem(&inflight, &cookie, &none->handshake, BPF_ANY);
	return err ? NULL : bpf_map_lookup_elem(&inflight, &cookie);
}

// land deletes an entry. It returns false if there was none.
static __always_inline bool land(__u64 cookie)
{
	if (bpf_map_delete_elem(&inflight, &cookie))
		return false;
	__sync_fetch_and_add(flights_of(cookie), -1);
	return true;
}
