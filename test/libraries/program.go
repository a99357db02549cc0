package libraries

// get is what every client asks for once the handshake is done.
const get = "GET / HTTP/1.0\r\n\r\n"

// settings is how one end is set up, for every program alike.
type settings struct {
	port    int
	version string // the only TLS version it speaks: "1.2", "1.3"
	pair    keyPair
	ca      string // client: what it trusts; server: a client certificate by this CA is required
	cipher  string // the only cipher it speaks, by its name in OpenSSL
	alpn    string // the only protocol
	named   bool   // client: the server's name is what it has to look at
}

// program is a program with a TLS library.
type program struct {
	name    string                  // library and version, as the table shows it
	family  string                  // event.Library.Name
	version string                  // prefix of event.Library.Version; "" if the library does not tell
	file    string                  // path of the file that the probes are in: tracer.Target.Path
	limits  func(row) (limit, bool) // what it cannot tell as its own program judges; nil: nothing

	server, client func(settings) []string
}
