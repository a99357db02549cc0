package cluster

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
)

// The range of the servers' ports ends below the ports that Linux gives to clients (32768 on, ip_local_port_range), which a port
// found by listening on port 0 is one of: a connection of somebody else would take it while its server is stopped.
const (
	firstPort = 12000
	lastPort  = 20999
)

// freePort returns a port that nobody listens on now. Somebody may be faster to take it: its server then does not start, and
// another one is asked for.
func freePort(address netip.Addr) (uint16, error) {
	for range 100 {
		port := uint16(firstPort + rand.IntN(lastPort-firstPort))
		l, err := net.Listen("tcp", netip.AddrPortFrom(address, port).String())
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("found no free port between 12000 and 20999")
}
