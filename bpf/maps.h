// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every map, with its bound. User space may change max_entries before loading.
#pragma once

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

// Connections whose handshake is not over, by socket cookie. Preallocated: nothing is allocated on the data path.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct handshake);
} inflight SEC(".maps");

// Hellos of the connections in inflight that turned out to speak TLS.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct hello);
} hellos SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, struct stash_key);
	__type(value, struct stash);
} stashes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct twin_key);
	__type(value, struct twin);
} twins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct refusal_key);
	__type(value, struct refusal);
} refusals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct total_key);
	__type(value, struct total);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

// Where the bytes are looked at, if not everywhere: user space attaches to a cgroup, and then puts it here.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64); // cgroup
	__type(value, __u8);
} in_depth SEC(".maps");

// Established connections of the other cgroups, by socket cookie. What is pushed out has lasted long: no handshake does.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct light);
} lights SEC(".maps");

// Of which cgroups user space was told, and when.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); // cgroup
	__type(value, __u64);
} noticed SEC(".maps");

// Processes that user space was told of.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct program_key);
	__type(value, __u8);
} announced SEC(".maps");

// Zeroed values to insert from: they are too large for the stack.
struct blank {
	struct handshake handshake;
	struct hello hello;
	struct stash stash;
	struct total total;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct blank);
} blanks SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);

	if (n)
		__sync_fetch_and_add(n, 1); // a soft interrupt may count, too
}

static __always_inline struct blank *blank(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&blanks, &zero);
}
