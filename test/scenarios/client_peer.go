package scenarios

import "strconv"

// goClient, pythonClient and nodeClient are small programs on the TLS library that comes with the language. They take
// the same flags.
var (
	goClient     = peerClient("go", "gopeer", func(l *Lab) []string { return []string{l.gopeer, "client"} })
	pythonClient = peerClient("python", "python3", func(l *Lab) []string {
		return []string{"/usr/bin/python3", l.peer("peer.py"), "client"}
	})
	nodeClient = peerClient("node", "node", func(l *Lab) []string { return []string{"node", l.peer("peer.js"), "client"} })
)

func peerClient(name, comm string, command func(*Lab) []string) clientStack {
	return clientStack{name, comm, func(l *Lab, port int, c clientSettings) []string {
		argv := append(command(l), "--host", c.host, "--port", strconv.Itoa(port), "--name", c.wanted(), "--ca", c.ca)
		if c.pair.cert != "" {
			argv = append(argv, "--cert", c.pair.cert, "--key", c.pair.key)
		}
		return append(argv, peerFlags(c.versions, c.cipher, c.alpn)...)
	}}
}
