package scenarios

import (
	"strconv"
	"testing"
)

// goClient, pythonClient, nodeClient and javaClient are small programs on the TLS library that comes with the language, and
// curlGnutlsClient one on curl's. They take the same flags.
var (
	goClient     = peerClient("go", "gopeer", func(_ testing.TB, l *Lab) []string { return []string{l.gopeer, "client"} })
	pythonClient = peerClient("python", "python3", func(_ testing.TB, l *Lab) []string {
		return []string{"/usr/bin/python3", l.peer("peer.py"), "client"}
	})
	curlGnutlsClient = peerClient("curl-gnutls", "python3", func(_ testing.TB, l *Lab) []string {
		return []string{"/usr/bin/python3", l.peer("curl.py")}
	})
	javaClient = peerClient("java", "java", func(t testing.TB, l *Lab) []string { return append(java(t, l), "client") })
	nodeClient = peerClient("node", "node", func(_ testing.TB, l *Lab) []string { return []string{"node", l.peer("peer.js"), "client"} })
)

// java starts fast rather than run fast.
func java(t testing.TB, l *Lab) []string {
	t.Helper()
	if err := l.javac(); err != nil {
		t.Fatal(err)
	}
	return []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-cp", l.dir, "Peer"}
}

func peerClient(name, comm string, command func(testing.TB, *Lab) []string) clientStack {
	return clientStack{name, comm, func(t testing.TB, l *Lab, port int, c clientSettings) []string {
		argv := append(command(t, l), "--host", c.host, "--port", strconv.Itoa(port), "--name", c.wanted(), "--ca", c.ca)
		if c.pair.cert != "" {
			argv = append(argv, "--cert", c.pair.cert, "--key", c.pair.key)
		}
		return append(argv, peerFlags(name, c.versions, c.cipher, c.alpn)...)
	}}
}
