// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Go's register-based calling convention (ABIInternal, Go 1.17): arguments and results in this order.
#pragma once

#if defined(__TARGET_ARCH_x86)
#define GO_ARG1(context) ((context)->ax)
#define GO_ARG2(context) ((context)->bx)
#elif defined(__TARGET_ARCH_arm64)
#define GO_ARG1(context) (((struct user_pt_regs *)(context))->regs[0])
#define GO_ARG2(context) (((struct user_pt_regs *)(context))->regs[1])
#endif

// What a RET of clientHandshake or serverHandshake returns: an error's itab and data. The words that lead from it to a received
// alert are told in tracer/library/golang.go.
#define GO_ERR_DATA 8	    // permanentError.err: the data word of an interface
#define GO_OP_LENGTH 8	    // length of net.OpError.Op
#define GO_OP_ALERT 72	    // the data word of net.OpError.Err
#define GO_REMOTE_ERROR 12  // length of "remote error"
#define GO_COOKIE_ALERTS 32 // bit: the cookie tells where the table of small integers lies in its page
#define GO_NO_ALERT 0xffffffff

static __always_inline __u64 read_word(__u64 at)
{
	__u64 word = 0;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)at))
		return 0;
	return word;
}

// received_alert returns the alert that an error tells of, or GO_NO_ALERT. Its byte lies in read-only data that may not be in
// memory; its address in a table of 256 words tells as much.
static __always_inline __u32 received_alert(__u64 data, __u64 cookie)
{
	__u64 op = read_word(data + GO_ERR_DATA), alert, offset;
	__u8 code = 0;

	if (!op || read_word(op + GO_OP_LENGTH) != GO_REMOTE_ERROR)
		return GO_NO_ALERT;
	alert = read_word(op + GO_OP_ALERT);
	if (!alert)
		return GO_NO_ALERT;
	if (!bpf_probe_read_user(&code, sizeof(code), (void *)alert))
		return code;
	offset = (alert - (cookie >> 16)) & 0xfff;
	if (!(cookie >> GO_COOKIE_ALERTS & 1) || offset & 7 || offset >= 256 * 8)
		return GO_NO_ALERT;
	return offset / 8;
}
