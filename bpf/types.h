// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel side remembers of a handshake and hands to user space. bpf2go generates the Go types from here.
#pragma once

#define TRAIL_RECORDS 12
#define HELLO_BYTES 2048 // a power of two
#define COPY_CHUNK 512
#define STASH_BYTES 2048
#define COMM_BYTES 16

// Directions index struct handshake's streams: what the local socket sent, and what it received.
enum direction { SENT, RECEIVED };

enum role { ROLE_CLIENT, ROLE_SERVER };

enum ring_kind { RING_CLIENT_HELLO = 1, RING_SERVER_HELLO, RING_HANDSHAKE, RING_PROCESS, RING_CGROUP };

// What ended a handshake's entry.
enum ending {
	END_CLOSED = 1, // the socket closed before success was certain
	END_SUCCEEDED,	// certain from the records
	END_CONNECT,	// the connection was never established
	END_QUIET,	// closed without a byte
	END_PLAIN,	// never spoke TLS
	END_LIGHT,	// nothing was seen of it that fits a failed handshake; its bytes were not looked at
};

// How far a stream has been understood.
enum stream_state {
	STREAM_OPENING, // no TLS yet: the next segment may start it
	STREAM_RECORDS, // following record headers
	STREAM_LOST,	// cannot be followed any more: see the gap
};

enum gap { GAP_NONE, GAP_REORDERED, GAP_NOT_TLS, GAP_TOO_MANY };

// Who ended the connection first, and how. The sides are as seen from the local socket.
enum closer { CLOSER_NONE, CLOSER_LOCAL, CLOSER_REMOTE, CLOSER_NETWORK };
enum close_how { HOW_OPEN, HOW_FIN, HOW_RST, HOW_TIMEOUT, HOW_REFUSED };

enum preface {
	PREFACE_NONE,
	PREFACE_OTHER,
	PREFACE_HTTP,
	PREFACE_CONNECT,
	PREFACE_PROXY_V1,
	PREFACE_PROXY_V2,
	PREFACE_POSTGRES,
	PREFACE_MYSQL,
	PREFACE_SMTP,
	PREFACE_IMAP,
	PREFACE_POP3,
	PREFACE_FTP,
	PREFACE_LDAP,
	PREFACE_XMPP,
	PREFACE_SSH,
};

// Flags of struct stream.
enum stream_flag {
	STREAM_CCS = 1 << 0,	    // a change_cipher_spec record was seen
	STREAM_FINISHED12 = 1 << 1, // an encrypted handshake record followed it: TLS 1.2 Finished
	STREAM_HELLO_DONE = 1 << 2, // the hello message is complete
	STREAM_TRAIL_FULL = 1 << 3, // the trail's last slot has been overwritten
	STREAM_PLAIN = 1 << 4,	    // plaintext bytes were seen before (or instead of) TLS
	STREAM_EMPTY_CERT = 1 << 5, // TLS 1.2: a Certificate message without a certificate
};

// Flags of struct handshake.
enum handshake_flag {
	HS_ESTABLISHED = 1 << 0, // TCP was established
	HS_RETRY = 1 << 1,	 // HelloRetryRequest
	HS_ABORTING = 1 << 2,	 // closed locally, the reset is about to leave
	HS_RESET_SENT = 1 << 3,	 // a reset left this socket
	HS_RESET_RECEIVED = 1 << 4,
	HS_TLS_LISTENER = 1 << 5, // the server port answered others with TLS
	HS_BOTH_LOCAL = 1 << 6,	  // the other end is a socket of this machine, too
	HS_REASON = 1 << 7,	  // reset_reason is known
	HS_EARLY_DATA = 1 << 8,	  // the client sent application data before the ServerHello
	HS_STASHED = 1 << 9,	  // a segment arrived before its predecessor and was kept aside
	HS_NO_HELLO = 1 << 10,	  // no room was left to keep the hello
	HS_SUCCEEDED = 1 << 11,	  // both sides are done: certain from the records
	HS_BAD_REQUEST = 1 << 12, // the server answered in plaintext, with HTTP status 400
	HS_LIGHT = 1 << 13,	  // its bytes were not looked at
	HS_ONE_FLIGHT = 1 << 14,  // the client has sent its ClientHello and nothing after it, or not even that
};

// One TLS record of the trail.
struct record {
	__u32 at_us;  // microseconds since struct handshake's start_ns
	__u16 length; // of the body
	__u8 type;
	__u8 handshake; // type of the first handshake message if in clear, else 0
};

// One direction of the byte stream. Only the packets of that direction write to it.
struct stream {
	__u32 next;	 // sequence number of the next byte to look at
	__u32 top;	 // highest sequence number seen, plus one
	__u32 body;	 // bytes left of the current record's body
	__u32 message;	 // bytes left of the current handshake message
	__u32 seen;	 // bit per handshake type seen in clear
	__u32 last_us;	 // time of the last payload byte
	__u32 at;	 // offset of the next byte in the segment that is being walked
	__u32 left;	 // bytes left of that segment
	__u32 aside_seq; // sequence number of the segment put aside that is being walked
	__u16 flags;
	__u16 segments; // with payload, while STREAM_OPENING
	__u8 state;
	__u8 gap;
	__u8 type;	   // of the current record
	__u8 have;	   // bytes of the record header at hand
	__u8 message_have; // bytes of the message header at hand
	__u8 records;	   // slots used in the trail
	__u8 alert_level;
	__u8 alert_code;
	__u8 alerts;	    // plaintext alerts seen
	__u8 message_first; // the next message header is the first of its record
	__u8 aside;	    // the segment that is being walked was put aside
	__u8 head[12];	    // partial record header
	__u8 level;	    // of the alert whose description is still to come
	__u8 message_head[8];
	struct record trail[TRAIL_RECORDS];
};

enum family { FAMILY_NONE, FAMILY_OPENSSL, FAMILY_BORINGSSL, FAMILY_GO, FAMILY_GNUTLS };

// What a TLS library said about a failure.
struct library_error {
	__u64 ns;     // when it was raised
	__u32 reason; // in the family's own numbers; 1000 + n for a received alert n
	__u32 verify; // X509 verify result, 0 if none
	__u32 depth;
	__u8 family;	// that reason belongs to, or FAMILY_NONE
	__u8 get_error; // what SSL_get_error returned, if it was watched
	__u8 verifier;	// family that verify belongs to, where the kernel can tell
	__u8 _pad;
};

// The last error that a thread's library raised.
struct thread_error {
	__u64 session; // SSL *, where the probe sees it
	__u64 cookie;  // of the socket that has claimed it, or 0
	struct library_error error;
};

// A process has sent its first hello: its libraries are worth a look.
struct process {
	__u32 kind; // RING_PROCESS
	__u32 pid;
};

// Why a cgroup whose bytes are not looked at is worth a look.
enum notice {
	NOTICE_NEW = 1, // its first connection
	NOTICE_SMALL,	// a connection ended early, with few bytes each way
	NOTICE_RESET,	// likewise, by a reset or a timeout
};

struct cgroup_notice {
	__u32 kind; // RING_CGROUP
	__u32 notice;
	__u64 cgroup;
};

// A process as long as it runs the same program.
struct program_key {
	__u64 start_ns;
	__u32 pid;
	__u32 exec;
};

// One handshake in flight, and what is told of it when it ends.
struct handshake {
	__u32 kind; // RING_HANDSHAKE
	__u32 ending;
	__u64 cookie;
	__u64 start_ns; // CLOCK_MONOTONIC
	__u64 close_ns;
	__u64 end_ns;
	__u64 cgroup;
	__u64 twin; // cookie of the other end if it is on this machine
	__u8 local_addr[16];
	__u8 remote_addr[16];
	struct stream stream[2];
	struct library_error error_said; // by the local end's library
	__u32 local_isn;
	__u32 remote_isn;
	__u32 finished_end; // TLS 1.3: sequence number after the first record of the client's final flight
	__u32 netns;
	__u32 pid;
	__u32 flags;
	__u32 error; // errno of the socket when it closed
	__u32 reset_reason;
	__u32 retransmits;
	__u16 local_port;
	__u16 remote_port;
	__u8 role;
	__u8 closer;
	__u8 how;
	__u8 preface;
	__u8 comm[COMM_BYTES];
	__u32 done_us;	    // when the last Finished was seen, from start_ns; 0 before
	__u16 arrived_port; // where NAT sent a SYN that was refused; 0 if it is not known
	__u8 fate;	    // what the other end has decided
	__u8 _pad;
	__u8 arrived_addr[16];
	__u64 limit_id; // of the limit by which it may be told, or 0
	__u64 shed;	// how many alike have been shed by that limit so far
};

// An established connection whose bytes are not looked at: what has to be known of it when it ends.
struct light {
	struct library_error
		error_said; // first: the verifier follows a pointer that may be NULL, but not beyond its offset
	__u64 start_ns;
	__u64 cgroup;
	__u32 local_isn;
	__u32 remote_isn;
	__u32 netns;
	__u32 pid;
	__u32 flags; // of struct handshake
	__u8 role;
	__u8 fate; // likewise
	__u8 _pad[2];
	__u8 comm[COMM_BYTES];
};

// One hello as sent, from the message's type byte on. What goes into the ring ends after the last byte.
struct hello_part {
	__u32 kind; // RING_CLIENT_HELLO or RING_SERVER_HELLO
	__u32 length;
	__u64 cookie;
	__u8 bytes[HELLO_BYTES + COPY_CHUNK];
};

// Both hellos of one handshake.
struct hello {
	struct hello_part client;
	struct hello_part server;
};

// A segment that came before its predecessor.
struct stash_key {
	__u64 owner; // socket cookie, or both sequence numbers while the socket is not made yet
	__u32 seq;
	__u32 direction;
};

struct stash {
	__u32 length;
	__u32 ack;
	__u8 data[STASH_BYTES];
};

// A connection by both initial sequence numbers: the same seen from both ends, also through NAT.
struct twin_key {
	__u32 client_isn;
	__u32 server_isn;
};

struct twin {
	__u64 client; // socket cookies
	__u64 server;
	__u32 tls_listener; // the server's end knows that its port answers others with TLS
	__u16 failed;	    // one of the ends knows that it failed
	__u16 lost;	    // there was no room to follow the client's end
};

// A SYN that this machine refused, by what NAT leaves alone.
struct refusal_key {
	__u32 isn;  // the client's
	__u16 port; // the client's
	__u16 _pad;
};

// Where it had arrived.
struct refusal {
	__u8 addr[16];
	__u16 port;
	__u8 _pad[6];
};

// What becomes of the detail of a connection: decided once, by the end that is over first.
enum fate { FATE_OPEN, FATE_TOLD, FATE_SHED, FATE_LOST };

// Failures that are alike as far as the kernel can tell. One of a whole cgroup has nothing but that and the role.
struct limit_key {
	__u64 cgroup;
	__u8 peer[16];
	__u32 reason; // the library's
	__u32 verify;
	__u32 seen_sent; // handshake messages
	__u32 seen_received;
	__u16 port; // the server's
	__u8 role;
	__u8 ending;
	__u8 closer;
	__u8 how;
	__u8 preface;
	__u8 family;
	__u8 alert_sent;
	__u8 alert_received;
	__u8 _pad[6];
};

// How much of what is alike is told.
struct limit {
	__u64 due_ns; // when the limit would be unused again
	__u64 shed;   // since it was made
	__u64 id;
};

// Totals per service endpoint: exact even when detail is shed.
struct total_key {
	__u64 cgroup;
	__u32 netns;
	__u16 port; // the server's
	__u8 role;  // of the local end
	__u8 _pad;
};

#define LATENCY_BUCKETS 32

struct total {
	__u64 succeeded;
	__u64 ended;
	__u64 tls;			// handshakes in which this port spoke TLS
	__u64 latency_us;		// sum over the handshakes in the buckets
	__u64 latency[LATENCY_BUCKETS]; // bucket i: took at most 2^(i-20) seconds
};

enum counter {
	COUNT_CONNECTIONS, // each once, as are the endings that follow
	COUNT_SUCCEEDED,
	COUNT_ENDED,
	COUNT_PLAIN,
	COUNT_QUIET,
	COUNT_LIGHT,	     // not looked at, and nothing fits a failure
	COUNT_LOST_INFLIGHT, // no room to follow a handshake
	COUNT_LOST_HELLO,    // no room to keep a hello
	COUNT_LOST_RING,     // no room in the ring buffer
	COUNT_LOST_STREAM,   // a stream could not be followed
	COUNT_LOST_END,	     // one end of a connection whose other end is told
	COUNT_SHED,	     // beyond the limits
	COUNT_RESETS_SENT,   // and the phases after it: see enum reset_phase
	COUNT_RESETS_RECEIVED = COUNT_RESETS_SENT + 3,
	COUNTERS = COUNT_RESETS_RECEIVED + 3,
};

// What a socket was at when a reset came or went.
enum reset_phase {
	RESET_CONNECT,	 // not established: a refused connection
	RESET_HANDSHAKE, // in a TLS handshake
	RESET_OTHER,	 // after it, or on a connection without TLS
};
