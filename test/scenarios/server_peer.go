package scenarios

import (
	"strconv"
	"testing"
)

// goServer, pythonServer, nodeServer and javaServer are small programs on the TLS library that comes with the language. They take
// the same flags.
var (
	goServer     = peerServer("go", func(_ testing.TB, l *Lab) []string { return []string{l.gopeer, "server"} })
	pythonServer = peerServer("python", func(_ testing.TB, l *Lab) []string { return []string{"/usr/bin/python3", l.peer("peer.py"), "server"} })
	javaServer   = peerServer("java", func(t testing.TB, l *Lab) []string { return append(java(t, l), "server") })
	nodeServer   = peerServer("node", func(_ testing.TB, l *Lab) []string { return []string{"node", l.peer("peer.js"), "server"} })
)

func peerServer(name string, command func(testing.TB, *Lab) []string) serverStack {
	return serverStack{name, func(t testing.TB, l *Lab, port int, s serverSettings) []string {
		argv := append(command(t, l), "--port", strconv.Itoa(port), "--cert", s.pair.cert, "--key", s.pair.key)
		argv = append(argv, peerFlags(name, s.versions, s.cipher, s.alpn)...)
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
func peerFlags(name string, v versionRange, c cipher, alpn string) []string {
	argv := []string{"--min", number(v.min), "--max", number(v.max)}
	switch {
	case c == anyCipher:
	case name == "java":
		argv = append(argv, "--cipher", c.iana()+":"+c.suite())
	default:
		argv = append(argv, "--cipher", c.openssl()+":"+c.suite())
	}
	if alpn != "" {
		argv = append(argv, "--alpn", alpn)
	}
	return argv
}
