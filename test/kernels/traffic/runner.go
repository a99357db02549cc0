package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// report is one connection that was made.
type report struct {
	Scenario string `json:"scenario"`
	TLS      string `json:"tls,omitempty"` // version asked for: "1.3"
	Client   string `json:"client,omitempty"`
	Server   string `json:"server"`
	// What each end made of it. A connection that went well has neither.
	ClientError string `json:"client_error,omitempty"`
	ServerError string `json:"server_error,omitempty"`
}

// runner makes connections and reports them.
type runner struct {
	addr string
	port int // next port to listen on; 0 takes a free one each time
	pki  *pki
	out  *json.Encoder
}

func (r *runner) run(s scenario, versions []string) error {
	if !s.versioned {
		versions = []string{""}
	}
	for _, version := range versions {
		number, err := versionNumber(version)
		if err != nil {
			return err
		}
		x := &exchange{pki: r.pki, version: number, sessions: tls.NewLRUClientSessionCache(1)}
		if err := r.serve(s, x, version); err != nil {
			return fmt.Errorf("%s over TLS %s: %w", s.name, version, err)
		}
	}
	return nil
}

func versionNumber(name string) (uint16, error) {
	switch name {
	case "":
		return 0, nil
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("TLS version %q is not 1.2 or 1.3", name)
}

// serve listens and makes the connections of a scenario.
func (r *runner) serve(s scenario, x *exchange, version string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(r.addr, strconv.Itoa(r.port)))
	if err != nil {
		return err
	}
	defer listener.Close()
	if r.port != 0 {
		r.port++
	}
	if s.absent {
		listener.Close()
	}
	for _, step := range s.steps() {
		told := report{Scenario: step.name, TLS: version, Server: listener.Addr().String()}
		told.connect(step, x, listener)
		if err := r.out.Encode(told); err != nil {
			return err
		}
	}
	return nil
}

// connect makes one connection and waits for both of its ends.
func (told *report) connect(s scenario, x *exchange, listener net.Listener) {
	served := make(chan error, 1)
	go func() { served <- accept(s, x, listener) }()
	conn, err := net.DialTimeout("tcp", told.Server, patience)
	if err == nil {
		told.Client = conn.LocalAddr().String()
		err = play(s.client, x, conn)
	}
	told.ClientError = text(err)
	told.ServerError = text(<-served)
}

func accept(s scenario, x *exchange, listener net.Listener) error {
	if s.absent {
		return nil
	}
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	return play(s.server, x, conn)
}

func play(e end, x *exchange, conn net.Conn) error {
	tcp, isTCP := conn.(*net.TCPConn)
	if !isTCP {
		return errors.New("not a TCP connection")
	}
	return errors.Join(tcp.SetDeadline(time.Now().Add(patience)), e(x, tcp))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
