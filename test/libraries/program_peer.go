package libraries

import (
	"strconv"
	"strings"
)

// peer is one of the small programs of the scenarios, which take the same flags. Not all can choose a cipher in TLS 1.3: it is left
// to their peer to offer none of theirs.
func peer(p program, command ...string) program {
	p.server = func(s settings) []string { return peerArgv(command, "server", "--client-ca", s) }
	p.client = func(s settings) []string { return peerArgv(command, "client", "--ca", s) }
	return p
}

func peerArgv(command []string, role, ca string, s settings) []string {
	argv := append(append([]string{}, command...), role, "--port", strconv.Itoa(s.port), "--min", s.version, "--max", s.version)
	if role == "client" {
		argv = append(argv, "--host", "127.0.0.1", "--name", serverName)
	}
	if s.pair.cert != "" {
		argv = append(argv, "--cert", s.pair.cert, "--key", s.pair.key)
	}
	if s.ca != "" {
		argv = append(argv, ca, s.ca)
	}
	if s.cipher != "" && !strings.HasPrefix(s.cipher, "TLS_") {
		argv = append(argv, "--cipher", s.cipher)
	}
	if s.alpn != "" {
		argv = append(argv, "--alpn", s.alpn)
	}
	return argv
}

const peerScript = "../scenarios/testdata/peer.js"

// node is NodeSource's node, or Debian's: OpenSSL inside the program in one, shared in the other.
func node(path, version string) program {
	return peer(program{name: "Node " + version, family: "openssl", file: path, limits: nodeLimits}, path, peerScript)
}

// bun is BoringSSL inside a program of 100 MB without symbols.
func bun(path, version string) program {
	return peer(program{name: "Bun " + version, family: "boringssl", file: path}, path, peerScript)
}

func golang(name, binary string) program {
	return peer(program{name: name, family: "go", file: binary, limits: goLimits}, binary)
}
