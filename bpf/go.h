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
#define GO_ERR_DATA 8	   // permanentError.err: the data word of an interface
#define GO_OP_LENGTH 8	   // length of net.OpError.Op
#define GO_OP_ALERT 72	   // the data word of net.OpError.Err
#define GO_REMOTE_ERROR 12 // length of "remote error"
#define GO_NO_ALERT 0xffffffff
#define GO_ITAB_HASH 16	       // itab.Hash: of the type in an interface
#define GO_VERIFICATION_ERR 24 // tls.CertificateVerificationError.Err: an interface
#define GO_INVALID_REASON 8    // x509.CertificateInvalidError.Reason, and the text of its Detail
#define GO_INVALID_DETAIL 16
#define GO_TEXT_SUBJECT 8 // what an error is about: "tls: no cipher suite supported ..."
#define GO_NOT_YET 0x100  // in a detail: Detail says that the certificate is not valid yet

// What the loader tells of the file at sendAlertLocked: the hash of *net.TCPConn, and where net.netFD has its descriptor.
#define GO_COOKIE_TCP(cookie) ((cookie) >> 32)
#define GO_COOKIE_FD(cookie) ((cookie)&0xffff)

// What the loader tells of the file at a RET: see tracer/uprobes.go.
#define GO_COOKIE_RECEIVER(cookie) ((cookie)&0xfff)	  // *Conn above the stack pointer, or 0
#define GO_COOKIE_ALERTS(cookie) ((cookie) >> 12 & 0xfff) // where the table of small integers lies in its page
#define GO_COOKIE_HAS_ALERTS(cookie) ((cookie) >> 24 & 1)
#define GO_COOKIE_VERIFICATION(cookie) ((cookie) >> 32) // hash of *tls.CertificateVerificationError

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
	offset = (alert - GO_COOKIE_ALERTS(cookie)) & 0xfff;
	if (!GO_COOKIE_HAS_ALERTS(cookie) || offset & 7 || offset >= 256 * 8)
		return GO_NO_ALERT;
	return offset / 8;
}

// What go_descriptor returns instead of a descriptor: Go keeps -1 of its own for what is closed.
#define GO_CLOSED -1
#define GO_NO_TCP -2

// go_descriptor returns the descriptor of a tls.Conn, or GO_NO_TCP if what is below it is no *net.TCPConn.
static __always_inline int go_descriptor(__u64 conn, __u64 cookie)
{
	__u64 itab = read_word(conn), descriptor;

	if (!GO_COOKIE_TCP(cookie) || (read_word(itab + GO_ITAB_HASH) & 0xffffffff) != GO_COOKIE_TCP(cookie))
		return GO_NO_TCP;
	descriptor = read_word(read_word(conn + 8)); // tls.Conn.conn's data: TCPConn begins with its netFD
	return read_word(descriptor + GO_COOKIE_FD(cookie));
}

// error_detail tells errors made of a text apart: by four bytes of it or, if it is not in memory, by its length.
static __always_inline __u32 error_detail(__u64 data)
{
	__u32 subject = 0;

	if (!bpf_probe_read_user(&subject, sizeof(subject), (void *)(read_word(data) + GO_TEXT_SUBJECT)))
		return subject;
	return read_word(data + 8);
}

// certificate_detail is the reason of a CertificateInvalidError; of an expired one, its text tells whether it is not valid
// yet: "current time 2026-11-23T18:00:00Z is before ...", where the time zone may have six bytes.
static __always_inline __u32 certificate_detail(__u64 data)
{
	__u32 reason = read_word(data + GO_INVALID_REASON) & 0xff;
	char text[43] = {};

	if (bpf_probe_read_user(text, sizeof(text), (void *)read_word(data + GO_INVALID_DETAIL)))
		return reason;
	return text[37] == 'b' || text[42] == 'b' ? reason | GO_NOT_YET : reason;
}
