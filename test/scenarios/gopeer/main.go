// Command gopeer is the Go end of the scenarios: TLS server and client on crypto/tls, and the connections that go
// wrong in a way that no ordinary program can be asked for.
package main

import (
	"fmt"
	"os"
)

var roles = map[string]func(*settings) error{
	"server":   serve,    // TLS, with --start after a preface, with --cut broken off
	"client":   dial,     // TLS, with --cut broken off, with --split in pieces
	"plain":    plain,    // a server without TLS: echo, banner or silence
	"send":     send,     // a client that sends bytes that are no TLS
	"tunnel":   tunnel,   // an HTTP CONNECT proxy
	"load":     load,     // many healthy handshakes
	"probe":    probe,    // many TCP connections without a byte
	"sweep":    sweep,    // a failing handshake for each position at which the hello is split
	"relay":    relay,    // a wire between two network namespaces that reorders, duplicates or drops
	"exchange": exchange, // many plain request and answer connections
}

func main() {
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gopeer ROLE [flags]")
		os.Exit(2)
	}
	s, err := parse(os.Args[2:])
	if err == nil {
		err = roles[os.Args[1]](s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
		os.Exit(1)
	}
}
