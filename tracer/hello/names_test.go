package hello

import (
	"crypto/tls"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{VersionName(0x0304), "TLS 1.3"},
		{VersionName(0x0303), "TLS 1.2"},
		{VersionName(0x0302), "TLS 1.1"},
		{VersionName(0x0301), "TLS 1.0"},
		{VersionName(0x0300), "SSL 3.0"},
		{VersionName(0x7f1c), "0x7f1c"},
		{CipherName(0x1302), "TLS_AES_256_GCM_SHA384"},
		{CipherName(0xcca9), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
		{CipherName(0x5600), "TLS_FALLBACK_SCSV"},
		{CipherName(0x00c6), "TLS_SM4_GCM_SM3"},
		{CipherName(0x1a2b), "0x1a2b"},
		{CipherName(0x0a0a), "0x0a0a"},
		{GroupName(0x001d), "x25519"},
		{GroupName(0x0017), "secp256r1"},
		{GroupName(0x0100), "ffdhe2048"},
		{GroupName(0x11ec), "X25519MLKEM768"},
		{GroupName(0x6399), "X25519Kyber768Draft00"},
		{GroupName(0x0001), "sect163k1"},
		{GroupName(0x2f01), "0x2f01"},
		{AlertName(0), "close_notify"},
		{AlertName(41), "no_certificate_RESERVED"},
		{AlertName(52), "too_many_cids_requested"},
		{AlertName(113), "bad_certificate_status_response"},
		{AlertName(116), "certificate_required"},
		{AlertName(117), "general_error"},
		{AlertName(120), "no_application_protocol"},
		{AlertName(121), "ech_required"},
		{AlertName(99), "alert(99)"},
		{AlertLevel(1), "warning"},
		{AlertLevel(2), "fatal"},
		{AlertLevel(3), "3"},
		{HandshakeName(1), "client_hello"},
		{HandshakeName(22), "certificate_status"},
		{HandshakeName(254), "message_hash"},
		{HandshakeName(99), "99"},
		{RecordName(20), "change_cipher_spec"},
		{RecordName(21), "alert"},
		{RecordName(22), "handshake"},
		{RecordName(23), "application_data"},
		{RecordName(99), "99"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// The standard library knows a few of the names from another source.
func TestNamesAgreeWithTheStandardLibrary(t *testing.T) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := CipherName(s.ID); got != s.Name {
			t.Errorf("suite %04x: %q, crypto/tls says %q", s.ID, got, s.Name)
		}
	}
}
