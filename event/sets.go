package event

// Outcome says what became of a connection.
type Outcome string

// The outcomes. Noise is no failure: a probe that connects and closes, a scan that speaks no TLS.
// Undecided is a handshake of which too little was seen to call it either way.
const (
	Failed    Outcome = "failed"
	Succeeded Outcome = "succeeded"
	Noise     Outcome = "noise"
	Undecided Outcome = "undecided"
)

// Outcomes lists the closed set.
var Outcomes = []Outcome{Failed, Succeeded, Noise, Undecided}

// Vantage says from where an event was observed.
type Vantage string

// The vantages.
const (
	FromClient Vantage = "client"
	FromServer Vantage = "server"
	FromBoth   Vantage = "both"
	FromLog    Vantage = "log"
)

// Side is a party to a connection.
type Side string

// The sides. Network is whatever is between the two ends.
const (
	Client  Side = "client"
	Server  Side = "server"
	Network Side = "network"
	Unknown Side = "unknown"
)

// Sides lists the closed set.
var Sides = []Side{Client, Server, Network, Unknown}

// Peer returns the other end of a client or server, and [Unknown] for anything else.
func (s Side) Peer() Side {
	switch s {
	case Client:
		return Server
	case Server:
		return Client
	}
	return Unknown
}

// Close is the way in which a connection ended.
type Close string

// The ways.
const (
	CloseFIN     Close = "fin"
	CloseRST     Close = "rst"
	CloseTimeout Close = "timeout" // the kernel gave up on retransmits or keepalives
	CloseRefused Close = "refused" // an error answered the connect
	CloseOpen    Close = "open"    // it had not ended when it was reported
)

// Preface is what was spoken before TLS on the same connection.
type Preface string

// The prefaces that are told apart. PrefaceOther is plaintext of an unknown kind, as in STARTTLS of a rarer protocol.
const (
	PrefaceProxyV1  Preface = "proxy_v1"
	PrefaceProxyV2  Preface = "proxy_v2"
	PrefaceConnect  Preface = "http_connect"
	PrefaceHTTP     Preface = "http"
	PrefacePostgres Preface = "postgres"
	PrefaceMySQL    Preface = "mysql"
	PrefaceSMTP     Preface = "smtp"
	PrefaceIMAP     Preface = "imap"
	PrefacePOP3     Preface = "pop3"
	PrefaceFTP      Preface = "ftp"
	PrefaceLDAP     Preface = "ldap"
	PrefaceXMPP     Preface = "xmpp"
	PrefaceSSH      Preface = "ssh"
	PrefaceOther    Preface = "other"
)

// Confidence says how sure a verdict is.
type Confidence string

// The confidences, surest first.
const (
	Exact    Confidence = "exact"    // an alert code or a library said so
	Derived  Confidence = "derived"  // it follows from the bytes
	Inferred Confidence = "inferred" // the likeliest reading
)

// Confidences lists the closed set, surest first.
var Confidences = []Confidence{Exact, Derived, Inferred}

// ClientAuth is what is known about a client certificate in a handshake.
type ClientAuth string

// The states. In TLS 1.3 they follow from the sizes of the client's encrypted records.
const (
	ClientAuthRequested ClientAuth = "requested" // the server asked, no answer was seen
	ClientAuthEmpty     ClientAuth = "empty"     // the client answered without a certificate
	ClientAuthSent      ClientAuth = "sent"      // the client sent a certificate
)

// Phase is the step of the connection at which it ended.
type Phase string

// The phases, in their order on the wire. A phase names what was being waited for or judged when it ended:
// PhaseServerCertificate means that the client had the server's flight before it and said no.
const (
	PhaseConnect           Phase = "connect"            // TCP was not established
	PhasePreface           Phase = "preface"            // plaintext before TLS
	PhaseClientHello       Phase = "client_hello"       // hello not complete, or complete and being answered
	PhaseServerHello       Phase = "server_hello"       // the client judged the server's choice of version and parameters
	PhaseServerCertificate Phase = "server_certificate" // the client judged the server's certificate
	PhaseClientCertificate Phase = "client_certificate" // the server judged the client's certificate or its absence
	PhaseFinished          Phase = "finished"           // keys or Finished messages did not match
	PhaseEstablished       Phase = "established"        // both sides were done
)

// Phases lists the closed set in order.
var Phases = []Phase{
	PhaseConnect, PhasePreface, PhaseClientHello, PhaseServerHello,
	PhaseServerCertificate, PhaseClientCertificate, PhaseFinished, PhaseEstablished,
}
