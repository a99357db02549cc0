// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where kernels differ, and the commit that made the difference.
#pragma once

// Linux 5.15 made struct sock_cgroup_data a plain pointer; before, a pointer or cgroup v1 data shared one word
// (commit 8520e224f547, "bpf, cgroups: Fix cgroup v2 fallback on v1/v2 mixed mode").
struct sock_cgroup_data___before_5_15 {
	__u64 val;
} __attribute__((preserve_access_index));

// Set by the loader: kernel lockdown "confidentiality" takes bpf_probe_read_kernel away
// (commit 9d1f8be5cf42, "bpf: Restrict bpf when kernel lockdown is in confidentiality mode").
const volatile bool can_read_kernel = true;

static __always_inline __u64 socket_cgroup(struct sock *sk)
{
	struct sock_cgroup_data___before_5_15 *old;
	__u64 word;

	if (bpf_core_field_exists(struct sock_cgroup_data, cgroup))
		return sk->sk_cgrp_data.cgroup->kn->id;
	if (!can_read_kernel)
		return 0;
	old = (void *)&sk->sk_cgrp_data;
	word = BPF_CORE_READ(old, val);
	if (!word || word & 3)
		return 0;
	return BPF_CORE_READ((struct cgroup *)word, kn, id);
}

// owner_is_current tells whether the code runs on behalf of the thread that uses the socket: it has locked it. In a
// softirq the socket is not owned, and the current task is whichever was interrupted.
static __always_inline bool owner_is_current(struct sock *sk)
{
	return sk->sk_lock.owned != 0;
}
