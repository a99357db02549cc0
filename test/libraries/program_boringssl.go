package libraries

import (
	"strconv"
	"strings"
)

// android is where Debian keeps the shared BoringSSL.
const android = debian + "android/"

// boringssl is bssl-tool. It has no server that judges a client's certificate or insists on a protocol, and its client looks at
// no name: for these a script loads the same libraries.
func boringssl() program {
	return program{
		name: "BoringSSL (Android 13)", family: "boringssl", file: android + "libcrypto.so.0",
		server: boringsslServer, client: boringsslClient,
	}
}

func boringsslServer(s settings) []string {
	if s.ca != "" || s.alpn != "" {
		return scriptServer(s, android+"libcrypto.so.0", android+"libssl.so.0")
	}
	argv := []string{"bssl-tool", "server", "-accept", strconv.Itoa(s.port), "-cert", s.pair.cert, "-key", s.pair.key, "-loop", "-www"}
	return append(argv, boringsslCommon(s)...)
}

func boringsslClient(s settings) []string {
	if s.named {
		return scriptClient(s, android+"libcrypto.so.0", android+"libssl.so.0")
	}
	argv := []string{"bssl-tool", "client", "-connect", "127.0.0.1:" + strconv.Itoa(s.port), "-server-name", serverName, "-root-certs", s.ca}
	if s.pair.cert != "" {
		argv = append(argv, "-cert", s.pair.cert, "-key", s.pair.key)
	}
	if s.alpn != "" {
		argv = append(argv, "-alpn-protos", s.alpn)
	}
	return append(argv, boringsslCommon(s)...)
}

func boringsslCommon(s settings) []string {
	argv := []string{"-min-version", "tls" + s.version, "-max-version", "tls" + s.version}
	if s.cipher != "" && !strings.HasPrefix(s.cipher, "TLS_") { // it has no choice of cipher in TLS 1.3
		argv = append(argv, "-cipher", s.cipher)
	}
	return argv
}

// scriptServer and scriptClient load a libcrypto and a libssl by their paths, and need no compiler for that.
func scriptServer(s settings, libcrypto, libssl string) []string {
	return append([]string{"/usr/bin/python3", "testdata/libssl.py", libcrypto, libssl, "server"}, scriptFlags(s)...)
}

func scriptClient(s settings, libcrypto, libssl string) []string {
	return append([]string{"/usr/bin/python3", "testdata/libssl.py", libcrypto, libssl, "client"}, scriptFlags(s)...)
}

func scriptFlags(s settings) []string {
	argv := []string{"--port", strconv.Itoa(s.port), "--version", s.version}
	for flag, value := range map[string]string{"--cert": s.pair.cert, "--key": s.pair.key, "--ca": s.ca, "--alpn": s.alpn} {
		if value != "" {
			argv = append(argv, flag, value)
		}
	}
	return argv
}
