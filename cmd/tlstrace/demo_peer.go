package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// newDemoPeer is one end of the demo's connections, in a process of its own so that both ends have a name.
// It is started by demo only.
func newDemoPeer(w *world) *cobra.Command {
	return &cobra.Command{
		Use:    "demo-peer server|client",
		Short:  "One end of the demo's connections",
		Hidden: true,
		Args:   cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{
			"server", "client",
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] == "server" {
				return servePeer(w.stdin, w.stdout)
			}
			return dialPeer(w.stdin, w.stdout)
		},
	}
}

// servePeer reads the kit, listens for every scenario, writes where, and serves until its input ends.
func servePeer(in io.Reader, out io.Writer) error {
	var k kit
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&k); err != nil {
		return fmt.Errorf("reading the demo's kit: %w", err)
	}
	addresses := map[string]string{}
	for _, s := range scenarios() {
		addr, err := s.server(k)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		addresses[s.name] = addr
	}
	if err := json.NewEncoder(out).Encode(addresses); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

// said is what the client of a scenario got to see from its own TLS library; "" if it saw no error.
type said struct {
	Scenario string `json:"scenario"`
	Error    string `json:"error,omitempty"`
}

// dialPeer reads the kit, runs the client of every scenario, one after the other, and writes what each one said.
func dialPeer(in io.Reader, out io.Writer) error {
	var k kit
	if err := json.NewDecoder(in).Decode(&k); err != nil {
		return fmt.Errorf("reading the demo's kit: %w", err)
	}
	results := json.NewEncoder(out)
	for _, s := range scenarios() {
		result := said{Scenario: s.name}
		if err := s.client(k, k.Servers[s.name]); err != nil {
			result.Error = err.Error()
		}
		if err := results.Encode(result); err != nil {
			return err
		}
	}
	return nil
}
