package scenarios

import (
	"strconv"
	"testing"
)

// goServer, pythonServer and nodeServer are small programs on the TLS library that comes with the language. They take
// the same flags.
var (
	goServer     = peerServer("go", func(l *Lab) []string { return []string{l.gopeer, "server"} })
	pythonServer = peerServer("python", func(l *Lab) []string { return []string{"/usr/bin/python3", l.peer("peer.py"), "server"} })
	nodeServer   = peerServer("node", func(l *Lab) []string { return []string{"node", l.peer("peer.js"), "server"} })
)

func peerServer(name string, command func(*Lab) []string) serverStack {
	return serverStack{name, func(_ testing.TB, l *Lab, port int, s serverSettings) []string {
		argv := append(command(l), "--port", strconv.Itoa(port), "--cert", s.pair.cert, "--key", s.pair.key)
		argv = append(argv, peerFlags(s.versions, s.cipher, s.alpn)...)
		if s.clientCA != "" {
			argv = append(argv, "--client-ca", s.clientCA)
		}
		if s.sni != "" {
			argv = append(argv, "--sni", s.sni)
		}
		return argv
	}}
}

// peerFlags are the flags that servers and clients have in common.
func peerFlags(v versionRange, c cipher, alpn string) []string {
	argv := []string{"--min", number(v.min), "--max", number(v.max)}
	if c != anyCipher {
		argv = append(argv, "--cipher", c.openssl()+":"+c.suite())
	}
	if alpn != "" {
		argv = append(argv, "--alpn", alpn)
	}
	return argv
}
