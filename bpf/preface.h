// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a plaintext segment is, by its first bytes. Only the class leaves the kernel, never the bytes.
#pragma once

#define PREFACE_LOOK 16

static __always_inline bool starts(const __u8 *bytes, const char *with, int n)
{
	for (int i = 0; i < n; i++)
		if (bytes[i] != (__u8)with[i])
			return false;
	return true;
}

#define STARTS(bytes, with) starts(bytes, with, sizeof(with) - 1)

static __always_inline bool is_http_request(const __u8 *b)
{
	return STARTS(b, "GET ") || STARTS(b, "POST ") || STARTS(b, "PUT ") || STARTS(b, "HEAD ") ||
	       STARTS(b, "OPTIONS ") || STARTS(b, "DELETE ") || STARTS(b, "PATCH ") || STARTS(b, "PRI * HTTP/2");
}

static __always_inline __u8 client_preface(const __u8 *b)
{
	if (STARTS(b, "CONNECT "))
		return PREFACE_CONNECT;
	if (is_http_request(b))
		return PREFACE_HTTP;
	if (STARTS(b, "PROXY "))
		return PREFACE_PROXY_V1;
	if (STARTS(b, "\r\n\r\n\0\r\nQUIT\n"))
		return PREFACE_PROXY_V2;
	if (STARTS(b, "\0\0\0\x08\x04\xd2\x16\x2f"))
		return PREFACE_POSTGRES;
	if (STARTS(b, "EHLO ") || STARTS(b, "HELO ") || STARTS(b, "LHLO "))
		return PREFACE_SMTP;
	if (STARTS(b, "<?xml") || STARTS(b, "<stream"))
		return PREFACE_XMPP;
	if (STARTS(b, "SSH-"))
		return PREFACE_SSH;
	if (b[0] == 0x30 && b[2] == 0x02 && b[5] == 0x77) // LDAPMessage, ExtendedRequest (RFC 4511 section 4.12)
		return PREFACE_LDAP;
	return PREFACE_OTHER;
}

static __always_inline __u8 server_preface(const __u8 *b)
{
	if (STARTS(b, "* OK"))
		return PREFACE_IMAP;
	if (STARTS(b, "+OK"))
		return PREFACE_POP3;
	if (STARTS(b, "SSH-"))
		return PREFACE_SSH;
	if (b[3] == 0 && b[4] == 10) // initial handshake packet, protocol version 10
		return PREFACE_MYSQL;
	return PREFACE_OTHER;
}

// is_bad_request: HTTP status 400, with which servers answer HTTP on a TLS port.
static __always_inline bool is_bad_request(const __u8 *b)
{
	return STARTS(b, "HTTP/1.1 400") || STARTS(b, "HTTP/1.0 400");
}

// is_tls tells whether bytes may begin a stream of TLS records: a handshake or an alert of version 3.x.
// A first segment of one byte is given the benefit of the doubt; the record header is checked once it is whole.
static __always_inline bool is_tls(const __u8 *b, __u32 n)
{
	if (b[0] != TLS_HANDSHAKE && b[0] != TLS_ALERT)
		return false;
	if (n >= 2 && b[1] != 3)
		return false;
	return n < 3 || b[2] <= 4;
}
