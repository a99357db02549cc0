package names

import (
	"bufio"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/tracer/library"
)

func TestReason(t *testing.T) {
	for _, c := range []struct {
		family library.Family
		code   int
		want   string
	}{
		{library.OpenSSL, 134, "CERTIFICATE_VERIFY_FAILED"},
		{library.OpenSSL, 199, "PEER_DID_NOT_RETURN_A_CERTIFICATE"},
		{library.OpenSSL, 313, "RECORD_LAYER_FAILURE"},
		{library.OpenSSL, 410, "NO_SHARED_GROUPS"},
		{library.OpenSSL, 1048, "TLSV1_ALERT_UNKNOWN_CA"},
		{library.OpenSSL, 1042, "SSLV3_ALERT_BAD_CERTIFICATE"},
		{library.OpenSSL, 1116, "TLSV13_ALERT_CERTIFICATE_REQUIRED"},
		{library.OpenSSL, 1120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"},
		{library.OpenSSL, 138, "CIPHER_OR_HASH_UNAVAILABLE"}, // 1.1.1 only
		{library.OpenSSL, 294, "UNEXPECTED_EOF_WHILE_READING"},
		{library.OpenSSL, 68, "ERR_R_INTERNAL_ERROR"},       // 1.1.1
		{library.OpenSSL, 0xc0103, "ERR_R_INTERNAL_ERROR"},  // 3.x: 259 with two flags
		{library.OpenSSL, 0x103, "UNSUPPORTED_SSL_VERSION"}, // what it would be without them
		{library.OpenSSL, 99999, "reason(99999)"},
		{library.BoringSSL, 125, "CERTIFICATE_VERIFY_FAILED"},
		{library.BoringSSL, 192, "PEER_DID_NOT_RETURN_A_CERTIFICATE"},
		{library.BoringSSL, 247, "WRONG_VERSION_NUMBER"},
		{library.BoringSSL, 266, "NO_SHARED_GROUP"},
		{library.BoringSSL, 1116, "TLSV1_ALERT_CERTIFICATE_REQUIRED"},
		{library.BoringSSL, 1999, "reason(1999)"},
		{library.Go, 42, "bad_certificate"},
		{library.Go, 200, "alert(200)"},
		{library.Go, 1048, "received unknown_ca"},
		{library.GnuTLS, 120, "no_application_protocol"},
		{library.GnuTLS, 5000, "reason(5000)"},
		{library.GnuTLS, 1042, "received bad_certificate"},
		{library.GnuTLS, -87, "NO_CIPHER_SUITES"},
		{library.GnuTLS, -8, "UNSUPPORTED_VERSION_PACKET"},
		{library.GnuTLS, -43, "CERTIFICATE_ERROR"},
		{library.GnuTLS, -1, "reason(-1)"},
		{library.Go, -87, "reason(-87)"},
		{"nss", 134, "reason(134)"},
	} {
		if got := Reason(c.family, c.code); got != c.want {
			t.Errorf("%s %d: got %s, want %s", c.family, c.code, got, c.want)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		family     library.Family
		version    string
		code       int
		name, text string
	}{
		{library.OpenSSL, "3.0.19", 0, "", ""},
		{library.OpenSSL, "3.0.19", 10, "X509_V_ERR_CERT_HAS_EXPIRED", "certificate has expired"},
		{library.OpenSSL, "", 62, "X509_V_ERR_HOSTNAME_MISMATCH", "hostname mismatch"},
		{library.OpenSSL, "3.0.19", 18, "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"},
		{library.OpenSSL, "3.0.19", 24, "X509_V_ERR_NO_ISSUER_PUBLIC_KEY", "issuer certificate doesn't have a public key"},
		{library.OpenSSL, "3.5.1", 79, "X509_V_ERR_INVALID_CA", "invalid CA certificate"},
		{library.OpenSSL, "", 79, "X509_V_ERR_INVALID_CA", "invalid CA certificate"},
		{library.OpenSSL, "3.6.0", 100, "X509_V_ERR_OCSP_NO_RESPONSE", "ocsp no response"},
		{library.OpenSSL, "1.1.1w", 24, "X509_V_ERR_INVALID_CA", "invalid CA certificate"},
		{library.OpenSSL, "1.1.1w", 79, "X509_V_ERR_EC_KEY_EXPLICIT_PARAMS", "Certificate public key has explicit ECC parameters"},
		{library.OpenSSL, "1.1.1w", 20, "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"},
		{library.OpenSSL, "3.0.19", 65, "X509_V_ERR_DANE_NO_MATCH", "no matching DANE TLSA records"},
		{library.BoringSSL, "", 65, "X509_V_ERR_INVALID_CALL", "Invalid certificate verification context"},
		{library.BoringSSL, "", 24, "X509_V_ERR_INVALID_CA", "invalid CA certificate"},
		{library.BoringSSL, "", 67, "X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS", "Issuer has name constraints but leaf has no SANs"},
		{library.BoringSSL, "", 999, "X509_V_ERR(999)", ""},
		{"", "", 10, "X509_V_ERR_CERT_HAS_EXPIRED", "certificate has expired"},
		{"", "", 24, "X509_V_ERR(24)", ""},
		{"", "", 65, "X509_V_ERR(65)", ""},
		{library.Go, "go1.26", 1, "X509_V_ERR(1)", ""},
	} {
		name, text := Verify(c.family, c.version, c.code)
		if name != c.name || text != c.text {
			t.Errorf("%s %s %d: got %s %q, want %s %q", c.family, c.version, c.code, name, text, c.name, c.text)
		}
	}
}

// TestInstalledHeaders holds the tables against the headers of this machine, whatever their version.
func TestInstalledHeaders(t *testing.T) {
	for _, c := range []struct {
		family library.Family
		dir    string
		least  int
	}{
		{library.OpenSSL, "/usr/include/openssl", 300},
		{library.BoringSSL, "/usr/include/android/openssl", 250},
	} {
		t.Run(string(c.family), func(t *testing.T) {
			version := versionOf(c.dir)
			found := 0
			for _, file := range []string{"sslerr.h", "ssl.h", "x509_vfy.h", "x509.h"} {
				for name, code := range defined(c.dir + "/" + file) {
					found++
					got := "SSL_R_" + Reason(c.family, code)
					if strings.HasPrefix(name, "X509_V_ERR_") {
						got, _ = Verify(c.family, version, code)
					}
					if got != name {
						t.Errorf("%s %d: got %s, the header of %s says %s", file, code, got, version, name)
					}
				}
			}
			if found == 0 {
				t.Skipf("no headers in %s: install libssl-dev or android-libboringssl-dev", c.dir)
			}
			if found < c.least {
				t.Errorf("read %d numbers, want %d or more", found, c.least)
			}
		})
	}
}

var (
	numbered = regexp.MustCompile(`^#\s*define\s+((?:SSL_R|X509_V_ERR)_[A-Z0-9_]+)\s+(\d+)`)
	release  = regexp.MustCompile(`^#\s*define OPENSSL_VERSION_TEXT\s+"OpenSSL ([0-9.]+)`)
)

func defined(file string) map[string]int {
	numbers := map[string]int{}
	for _, line := range lines(file) {
		if m := numbered.FindStringSubmatch(line); m != nil {
			numbers[m[1]], _ = strconv.Atoi(m[2])
		}
	}
	return numbers
}

func versionOf(dir string) string {
	for _, line := range lines(dir + "/opensslv.h") {
		if m := release.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

func lines(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}
