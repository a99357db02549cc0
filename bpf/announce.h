// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Processes that may use a TLS library, told to user space once each.
#pragma once

// announce tells user space of a process that has not sent a hello before.
static __always_inline void announce(const struct handshake *hs)
{
	struct task_struct *task, *leader;
	struct program_key key = {.pid = hs->pid};
	struct process p = {.kind = RING_PROCESS, .pid = hs->pid};
	__u8 yes = 1;

	if (!find_libraries || !hs->pid || !can_read_kernel)
		return;
	task = (void *)bpf_get_current_task();
	leader = BPF_CORE_READ(task, group_leader);
	if (BPF_CORE_READ(leader, pid) != hs->pid)
		return;
	key.start_ns = BPF_CORE_READ(leader, start_time);
	key.exec = BPF_CORE_READ(leader, self_exec_id);
	if (bpf_map_lookup_elem(&announced, &key))
		return;
	if (!bpf_map_update_elem(&announced, &key, &yes, BPF_ANY))
		bpf_ringbuf_output(&events, &p, sizeof(p), 0);
}
