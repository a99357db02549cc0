// Package library finds, in the files that a process has mapped, the places in TLS libraries at which a failure can be seen:
// OpenSSL, BoringSSL, Go's crypto/tls and GnuTLS, shared or static, stripped or not. It reads ELF files and nothing else;
// package tracer attaches the probes.
package library

// Family is a kind of TLS library. Error numbers mean different things in different families.
type Family string

// The families.
const (
	OpenSSL   Family = "openssl"
	BoringSSL Family = "boringssl"
	Go        Family = "go"
	GnuTLS    Family = "gnutls"
)

// Probe names what is attached at a place. Each is a program in the kernel.
type Probe string

// The probes. All but ProbeGoServer and ProbeGetError run only when something fails, or once where a certificate is verified.
const (
	// ProbeStatemFatal is the entry of ossl_statem_fatal(SSL *s, int alert, int reason, ...) of OpenSSL 3.x.
	ProbeStatemFatal Probe = "openssl_statem_fatal"
	// ProbeSetError is the entry of ERR_vset_error and ERR_set_error(int lib, int reason, ...) of OpenSSL 3.x: noisier.
	ProbeSetError Probe = "openssl_set_error"
	// ProbePutError is the entry of ERR_put_error(int lib, int func, int reason, ...) of OpenSSL 1.1.1 and BoringSSL.
	ProbePutError Probe = "put_error"
	// ProbeVerifyCall is a call of X509_STORE_CTX_get_error(X509_STORE_CTX *ctx) in a libssl. The kernel emulates a call, and has to step
	// through what ProbeVerifyResult is on, which is an order of magnitude dearer in a virtual machine.
	ProbeVerifyCall Probe = "verify_call"
	// ProbeVerifyResult is the entry of that function.
	ProbeVerifyResult Probe = "verify_result"
	// ProbeVerifyCode is the place in BoringSSL's ssl_crypto_x509_session_verify_cert_chain at which the result of X509_verify_cert
	// is in the register of a first argument. It runs once for each chain that the peer sent.
	ProbeVerifyCode Probe = "verify_code"
	// ProbeGoAlert is the start of crypto/tls.(*Conn).sendAlertLocked, after it has made sure of its stack.
	ProbeGoAlert Probe = "go_alert"
	// ProbeGoHandshake is a RET instruction of crypto/tls.(*Conn).clientHandshake.
	ProbeGoHandshake Probe = "go_handshake"
	// ProbeGoClientCert is one of crypto/tls.(*Conn).processCertsFromClient, which runs only where a server asks for a certificate.
	ProbeGoClientCert Probe = "go_client_certificate"
	// ProbeGoServer is one of crypto/tls.(*Conn).serverHandshake. It is hit by every handshake of a server that verifies nothing, too, and
	// is attached in depth only.
	ProbeGoServer Probe = "go_server_handshake"
	// ProbeGnuTLSAlert is the entry of gnutls_alert_send(session, level, desc).
	ProbeGnuTLSAlert Probe = "gnutls_alert_send"
	// ProbeGnuTLSError is the entry of gnutls_alert_send_appropriate(session, err), which a program calls with the error it got.
	ProbeGnuTLSError Probe = "gnutls_error"
	// ProbeGnuTLSVerify is gnutls_certificate_verify_peers(session, data, elements, *status): at its entry, and at its return by a
	// uretprobe. gnutls_certificate_verify_peers2 and 3 call it.
	ProbeGnuTLSVerify Probe = "gnutls_verify"
	// ProbeGetError is SSL_get_error(SSL *s, int ret): at its entry, and at its return by a uretprobe. It runs on every empty
	// read of an event loop, and is attached in depth only.
	ProbeGetError Probe = "ssl_get_error"
)

// Point is one place to attach a probe.
type Point struct {
	Probe  Probe
	Offset uint64 // in the file, as uprobes want it
}

// Target is one TLS library in one file.
type Target struct {
	Family  Family
	Version string // "3.0.19", "go1.26.8"; "" if the file does not say
	Points  []Point
	Layout  Layout
	// Note says what could not be found and what that costs, for the doctor; "" if all is well.
	Note string
}

// Layout holds offsets into the library's own structures, in bytes; 0 where the library has none or it is not known.
type Layout struct {
	VerifyError uint32 // int error in X509_STORE_CTX
	VerifyDepth uint32 // int error_depth in X509_STORE_CTX
	GoIsClient  uint32 // isClient in crypto/tls.Conn
	GoVersion   uint32 // vers
	GoReceiver  uint32 // *crypto/tls.Conn above the stack pointer, at ProbeGoHandshake and ProbeGoServer
	// GoCertReceiver is the same at ProbeGoClientCert.
	GoCertReceiver uint32
	// GoVerification is not an offset: the hash of *crypto/tls.CertificateVerificationError in an itab.
	GoVerification uint32
	GoFD           uint32 // Sysfd in net.netFD
	GoTCPConn      uint32 // not an offset: the hash of *net.TCPConn in an itab
	GoAlerts       uint64 // not an offset: virtual address of the table that interfaces of small integers point into
}
