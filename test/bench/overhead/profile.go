package main

// serverName is the name in the certificate, which every proxy verifies.
const serverName = "localhost"

// profile is a way in which a proxy is used.
type profile struct {
	name   string
	what   string // as the page says it
	proxy  string // the program that is measured
	closes bool   // each request has a connection of its own, with a full handshake, on both sides of the proxy
	lean   bool   // the proxy answers by itself: the least that a request can cost
}

// profiles are what is measured. The first is the leanest program here, as a server; the others are proxies in a chain.
var profiles = []profile{
	{name: "nginx-lean", proxy: "nginx", lean: true, what: "nginx answers by itself, connections are kept: the least that a request over TLS costs here"},
	{name: "nginx-keepalive", proxy: "nginx", what: "client, nginx, server: connections are kept on both sides of the proxy"},
	{name: "haproxy-keepalive", proxy: "haproxy", what: "client, haproxy, server: connections are kept on both sides of the proxy"},
	{name: "nginx-handshakes", proxy: "nginx", closes: true, what: "client, nginx, server: two full handshakes for each request, one on each side of the proxy"},
	{name: "haproxy-handshakes", proxy: "haproxy", closes: true, what: "client, haproxy, server: two full handshakes for each request, one on each side of the proxy"},
}
