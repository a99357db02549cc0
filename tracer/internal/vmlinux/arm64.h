#if defined(__TARGET_ARCH_arm64)
// Written by hand: the BTF of an x86 kernel does not have it. UAPI, arch/arm64/include/uapi/asm/ptrace.h.
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
_Static_assert(sizeof(struct user_pt_regs) == 272, "struct user_pt_regs");
#endif
