// Package event is the vocabulary of tlstrace: what one TLS handshake on a node looked like and what it meant.
//
// An [Event] is written as one JSON object per line (schema [Schema]). It carries facts (tls, alert, tcp,
// records, the two ends) and the [Verdict] that was derived from them; everything that the verdict rests on
// is in the event, so that a reader can check it. A fact that is not known is absent, never invented.
//
// The package holds types and closed sets only: no logic beyond spelling, no I/O.
package event

import (
	"net/netip"
	"time"
)

// Schema names the version of the JSON form of [Event]. Fields are added within a version, never renamed or removed.
const Schema = "tlstrace.event/v1"

// Event is one handshake, or one connection that never became one, seen from one end or from both.
type Event struct {
	Schema string    `json:"schema"`
	Time   time.Time `json:"time"` // when the connection ended, by the node's clock
	Node   string    `json:"node,omitempty"`
	// ID is the same for both ends of one connection: both initial sequence numbers and the client's port, in hex.
	ID           string   `json:"id"`
	Outcome      Outcome  `json:"outcome"`
	ObservedFrom Vantage  `json:"observed_from"`
	Verdict      Verdict  `json:"verdict"`
	TLS          *TLS     `json:"tls,omitempty"`
	Mesh         *Mesh    `json:"mesh,omitempty"`
	Alert        *Alert   `json:"alert,omitempty"`
	Library      *Library `json:"library,omitempty"`
	TCP          TCP      `json:"tcp"`
	Preface      Preface  `json:"preface,omitempty"`
	Records      []Record `json:"records,omitempty"`
	Gaps         []Gap    `json:"gaps,omitempty"`
	// Light says that nobody looked at the connection's bytes: what is known of it comes from the socket and the library.
	Light    bool     `json:"light,omitempty"`
	Duration float64  `json:"duration"` // seconds from the first connect or byte seen to the end
	Client   Endpoint `json:"client"`
	Server   Endpoint `json:"server"`
	Repeated int      `json:"repeated,omitempty"` // how many more like this one were folded into it
}

// Verdict is the reading of an event's facts.
type Verdict struct {
	Reason     Reason     `json:"reason,omitempty"`
	Layer      Layer      `json:"layer,omitempty"`
	Phase      Phase      `json:"phase,omitempty"`
	GaveUp     Side       `json:"gave_up,omitempty"` // which side ended the handshake: a fact
	LookAt     Side       `json:"look_at,omitempty"` // whose configuration or state has to change: a judgement
	Confidence Confidence `json:"confidence,omitempty"`
	Summary    string     `json:"summary,omitempty"` // one sentence
	Hint       string     `json:"hint,omitempty"`    // what to look at next
}

// TLS is what the two hellos say, and what follows from the record trail.
// Versions, suites and groups are spelled as IANA does; an unknown number stays a number ("0x1a2b").
type TLS struct {
	OfferedVersions []string `json:"offered_versions,omitempty"` // highest first, GREASE left out
	Version         string   `json:"version,omitempty"`          // chosen by the server
	SNI             string   `json:"sni,omitempty"`
	OfferedALPN     []string `json:"offered_alpn,omitempty"`
	ALPN            string   `json:"alpn,omitempty"` // chosen by the server; not visible in TLS 1.3
	OfferedCiphers  []string `json:"offered_ciphers,omitempty"`
	Cipher          string   `json:"cipher,omitempty"`
	OfferedGroups   []string `json:"offered_groups,omitempty"`
	Group           string   `json:"group,omitempty"`
	JA4             string   `json:"ja4,omitempty"`
	// Resumed says that the server accepted a session or PSK; EarlyData and HelloRetry what their names say.
	Resumed    bool `json:"resumed,omitempty"`
	EarlyData  bool `json:"early_data,omitempty"`
	HelloRetry bool `json:"hello_retry,omitempty"`
	// ClientAuth tells what is known of a client certificate: see [ClientAuth].
	ClientAuth ClientAuth `json:"client_auth,omitempty"`
	HelloBytes int        `json:"hello_bytes,omitempty"` // length of the ClientHello message, header included
	// Truncated says that a hello was longer than what is captured, or not complete: fields may be missing.
	Truncated bool `json:"truncated,omitempty"`
}

// Mesh is an Istio SNI (outbound_.8080_.v1_.payments.shop.svc.cluster.local) taken apart.
type Mesh struct {
	Direction string `json:"direction"` // outbound, or inbound
	Service   string `json:"service"`   // host name of the service
	Port      uint16 `json:"port"`
	Subset    string `json:"subset,omitempty"`
}

// Alert is the TLS alert that ended the handshake (RFC 8446 section 6).
type Alert struct {
	Sender    Side   `json:"sender"`
	Level     string `json:"level,omitempty"` // warning, fatal
	Code      *uint8 `json:"code,omitempty"`  // absent if the alert was encrypted and no library told it
	Name      string `json:"name,omitempty"`  // as IANA registers it; "alert(113)" if it is not registered
	Encrypted bool   `json:"encrypted,omitempty"`
}

// Library is what the process' own TLS library said. Its words are the library's own: ErrorText the name of an error as its header
// has it, without SSL_R_ or GNUTLS_E_ (CERTIFICATE_VERIFY_FAILED, TLSV1_ALERT_UNKNOWN_CA, NO_CERTIFICATE_FOUND), or for Go, and for
// GnuTLS where it has no error, the name of the alert that was sent (bad_certificate) or received (received bad_certificate), or the text of
// Go's error; VerifyText the name of the verify result (X509_V_ERR_CERT_HAS_EXPIRED; GNUTLS_CERT_INVALID|GNUTLS_CERT_EXPIRED; for Go the
// type of the error, x509.UnknownAuthorityError). A received alert n has the error code 1000 + n in every family; the errors of GnuTLS
// are negative.
type Library struct {
	Name        string `json:"name"`
	Version     string `json:"version,omitempty"`
	Side        Side   `json:"side,omitempty"`
	ErrorCode   int64  `json:"error_code,omitempty"`
	ErrorText   string `json:"error_text,omitempty"`
	VerifyCode  int    `json:"verify_code,omitempty"` // in the library's own numbers: X509_V_ERR, GnuTLS' bits, Go's x509.InvalidReason
	VerifyText  string `json:"verify_text,omitempty"`
	VerifyDepth int    `json:"verify_depth,omitempty"`
	GetError    string `json:"get_error,omitempty"` // what SSL_get_error made of it, if it was watched: SSL_ERROR_SYSCALL
}

// TCP is what the transport below the handshake did.
type TCP struct {
	// ClosedBy is the side that ended the connection first, and How says by what.
	ClosedBy Side  `json:"closed_by,omitempty"`
	How      Close `json:"how,omitempty"`
	// ClosedAt is when it did, in microseconds as [Record.At]: an alert that comes later answers the close.
	ClosedAt int64 `json:"closed_at_us,omitempty"`
	// ResetBy is the side that sent a RST: network if both ends were seen, both got it and neither sent it.
	ResetBy     Side   `json:"reset_by,omitempty"`
	ResetReason string `json:"reset_reason,omitempty"` // enum sk_rst_reason as the kernel spells it (Linux 6.10)
	Error       string `json:"error,omitempty"`        // errno of a connection that failed: ECONNREFUSED
	// Dialed is the address and port that the client connected to, if NAT sent it elsewhere: to where the server's end is. The zero
	// value says that they are the same, or that only one end was seen.
	Dialed      netip.AddrPort `json:"dialed,omitzero"`
	ClientBytes uint64         `json:"client_bytes"` // stream bytes that the client sent, as far as seen
	ServerBytes uint64         `json:"server_bytes"`
	Retransmits uint32         `json:"retransmits,omitempty"`
	// TLSListener says that this server port has answered other connections with TLS.
	TLSListener bool `json:"tls_listener,omitempty"`
	// BadRequest says that the server answered plaintext with HTTP status 400, as it does to say that this port is for TLS.
	BadRequest bool `json:"bad_request,omitempty"`
	// Idle is the time in seconds between the last record and the close.
	Idle float64 `json:"idle,omitempty"`
}

// Record is one TLS record of the trail (RFC 8446 section 5.1).
type Record struct {
	From      Side   `json:"from"`
	Type      string `json:"type"`                // handshake, alert, change_cipher_spec, application_data, or a number
	Handshake string `json:"handshake,omitempty"` // type of the first handshake message, where it is in clear
	Length    int    `json:"length"`              // of the record's body in bytes
	At        int64  `json:"at_us"`               // microseconds since the connection was first seen
}

// Gap says that the stream of one side could not be followed, and why: its records after that are not known.
type Gap struct {
	From Side   `json:"from"`
	Why  string `json:"why"` // see the Gap... constants
}

// Why a stream could not be followed to its end.
const (
	GapReordered = "reordered" // a segment came before its predecessor and did not fit the stash
	GapNotTLS    = "not_tls"   // bytes where a record header should have been
	GapTooMany   = "too_many"  // more records or fragments in one segment than are followed
	GapTrail     = "trail"     // more records than the trail keeps; the first and the last are there
)

// Endpoint is one end of the connection.
type Endpoint struct {
	Addr    netip.Addr `json:"addr"` // an IPv4-mapped address is written as IPv4
	Port    uint16     `json:"port"`
	Process *Process   `json:"process,omitempty"`
	K8s     *K8s       `json:"k8s,omitempty"`
	Cgroup  uint64     `json:"cgroup,omitempty"` // id of the cgroup v2 of the local end
	NetNS   uint32     `json:"netns,omitempty"`  // inode number of the network namespace
}

// Process is the local process of one end.
type Process struct {
	PID  int    `json:"pid"`
	Comm string `json:"comm,omitempty"`
	Exe  string `json:"exe,omitempty"`
}

// K8s names one end in Kubernetes.
type K8s struct {
	Namespace      string `json:"namespace,omitempty"`
	Pod            string `json:"pod,omitempty"`
	Container      string `json:"container,omitempty"`
	Workload       string `json:"workload,omitempty"`
	Service        string `json:"service,omitempty"`
	ServiceAccount string `json:"serviceAccount,omitempty"`
	Node           string `json:"node,omitempty"`
	Sidecar        bool   `json:"sidecar,omitempty"`
}
