package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/stream"
)

// remoteFlags say which agent to ask, and as whom.
type remoteFlags struct {
	agent, tokenFile, caFile string
}

func (f *remoteFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.agent, "agent", "", "take the events from the agent at this `URL`, as in http://127.0.0.1:9499")
	flags.StringVar(&f.tokenFile, "token-file", "", "show the agent the bearer token in this `file`")
	flags.StringVar(&f.caFile, "ca-file", "", "trust the authorities in this PEM `file` for an agent with https")
}

// open connects to the agent. past asks only for what it keeps.
func (f *remoteFlags) open(ctx context.Context, w *world, query url.Values, past bool) (source, error) {
	trusted, err := f.trusted()
	if err != nil {
		return nil, err
	}
	client, err := stream.Dial(ctx, f.agent, stream.DialOptions{
		Filter: query, Past: past, TokenFile: f.tokenFile, TLS: trusted, Told: func(s stream.State) { tellState(w.stderr, s) },
	})
	if err != nil {
		return nil, err // not client: a nil *stream.Client in the interface would not be nil
	}
	return client, nil
}

// trusted is nil for the authorities that this machine trusts.
func (f *remoteFlags) trusted() (*tls.Config, error) {
	if f.caFile == "" {
		return nil, nil
	}
	text, err := readSmall(f.caFile, maxConfigBytes)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca-file: %s holds no certificate", f.caFile)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// tellState tells what a user should know of the connection. That it was made is no news.
func tellState(out io.Writer, s stream.State) {
	switch s.Kind {
	case stream.Disconnected:
		fmt.Fprintf(out, "tlstrace: the agent is gone: %v; trying again in %s\n", s.Err, s.Retry.Round(100*time.Millisecond))
	case stream.Noticed:
		fmt.Fprintf(out, "tlstrace: the agent says: %s\n", s.Notice.Text)
	case stream.Unreadable:
		fmt.Fprintf(out, "tlstrace: passed over: %v\n", s.Err)
	}
}

// noAgent says what to do where --since found none to ask.
func noAgent(at string, err error) error {
	return fmt.Errorf("--since looks back, and no agent answers at %s: %w; "+
		"start one (sudo tlstrace agent), name one by --agent, or give a recording with --input", at, err)
}

var errTwoSources = errors.New("--agent and --input both say where the events are: give one of them")

// shown makes an address safe for a terminal.
func shown(address string) string { return sink.Escape(address, 200) }
