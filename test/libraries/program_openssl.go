package libraries

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// debian is where Debian keeps shared libraries.
const debian = "/usr/lib/x86_64-linux-gnu/"

// openssl is the openssl program of a suite, started so that it finds the suite's own libraries.
func openssl(version, file string, command ...string) program {
	return program{
		name: "OpenSSL " + version, family: "openssl", version: version, file: file,
		server: func(s settings) []string { return slices.Concat(command, opensslServer(s)) },
		client: func(s settings) []string { return slices.Concat(command, opensslClient(s)) },
	}
}

// ownOpenSSL is the machine's own, and the peer of every row.
func ownOpenSSL() program {
	return openssl("3.0", debian+"libssl.so.3", "/usr/bin/openssl")
}

// oldOpenSSL is 1.1.1, whose s_server goes on without a protocol in common: a script loads its libraries for that.
func oldOpenSSL(root string) program {
	p := suiteOpenSSL("1.1.1", "libssl.so.1.1", root)
	libraries := filepath.Join(root, debian)
	serve := p.server
	p.server = func(s settings) []string {
		if s.alpn == "" {
			return serve(s)
		}
		return scriptServer(s, filepath.Join(libraries, "libcrypto.so.1.1"), filepath.Join(libraries, "libssl.so.1.1"))
	}
	return p
}

// suiteOpenSSL runs a suite's program with the suite's dynamic linker: its C library may be newer than this machine's.
func suiteOpenSSL(version, file, root string) program {
	libraries := filepath.Join(root, debian)
	return openssl(version, filepath.Join(libraries, file),
		filepath.Join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, filepath.Join(root, "usr/bin/openssl"))
}

func opensslServer(s settings) []string {
	argv := []string{"s_server", "-accept", strconv.Itoa(s.port), "-cert", s.pair.cert, "-key", s.pair.key, "-www"}
	argv = append(argv, opensslCommon(s)...)
	if s.ca != "" {
		argv = append(argv, "-Verify", "4", "-verify_return_error", "-CAfile", s.ca)
	}
	return argv
}

// opensslClient is told to give up on a certificate that does not verify.
func opensslClient(s settings) []string {
	argv := []string{"s_client", "-connect", "127.0.0.1:" + strconv.Itoa(s.port), "-servername", serverName,
		"-verify_hostname", serverName, "-verify", "4", "-verify_return_error", "-CAfile", s.ca}
	argv = append(argv, opensslCommon(s)...)
	if s.pair.cert != "" {
		argv = append(argv, "-cert", s.pair.cert, "-key", s.pair.key)
	}
	return argv
}

func opensslCommon(s settings) []string {
	argv := []string{"-min_protocol", "TLSv" + s.version, "-max_protocol", "TLSv" + s.version}
	switch {
	case strings.HasPrefix(s.cipher, "TLS_"):
		argv = append(argv, "-ciphersuites", s.cipher)
	case s.cipher != "":
		argv = append(argv, "-cipher", s.cipher)
	}
	if s.alpn != "" {
		argv = append(argv, "-alpn", s.alpn)
	}
	return argv
}
