package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Ports of servers come from below the range of ephemeral ports: no client takes them.
const (
	firstPort = 20000
	lastPort  = 32000
)

var errNoPort = errors.New("no port is free")

// ports hands out ports on which nobody listens, none twice.
type ports struct{ next int }

func newPorts() *ports { return &ports{next: firstPort + os.Getpid()%8000} }

func (p *ports) free() (int, error) {
	for p.next < lastPort {
		p.next++
		var any net.ListenConfig
		if l, err := any.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", p.next)); err == nil {
			return p.next, l.Close()
		}
	}
	return 0, errNoPort
}

// all gives each of these a port.
func (p *ports) all(of ...*int) error {
	for _, port := range of {
		var err error
		if *port, err = p.free(); err != nil {
			return err
		}
	}
	return nil
}
