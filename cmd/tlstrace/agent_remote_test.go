package main

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink/stream"
)

// TestQuerySaysWhatTheFlagsSay parses flags, spells them as a query, and has the agent's side parse that.
func TestQuerySaysWhatTheFlagsSay(t *testing.T) {
	w := newTestWorld(t)
	for _, args := range [][]string{
		nil,
		{"--all"},
		{"--reason", "unknown_ca,probe", "--layer", "certificate", "--layer", "peer"},
		{"-n", "shop", "--pod", "web-*", "--from-pod", "shop/web-1", "--to-pod", "payments-?"},
		{"--from-workload", "checkout", "--to-workload", "shop/pay*"},
		{"--sni", "*.shop.svc,a.example", "--port", "443,8443", "--pid", "1", "--pid", "4711", "--comm", "en*"},
		{"--since", "10m"},
		{"--since", "2026-01-31T15:00:00Z"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var f session.Filter
			cmd := &cobra.Command{}
			f.Register(cmd, w.now)
			if err := cmd.ParseFlags(args); err != nil {
				t.Fatal(err)
			}
			want, err := f.Build()
			if err != nil {
				t.Fatal(err)
			}
			got, err := stream.ParseFilter(f.Query(), w.now())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-flags +query):\n%s", diff)
			}
		})
	}
}

func TestWatchSinceSaysThatNoAgentAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w := newTestWorld(t)
	w.agent = "http://" + l.Addr().String()
	if code := w.run([]string{"watch", "--since", "10m"}); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	for _, want := range []string{"asking the agent at " + w.agent, "no agent answers at " + w.agent, "--input", "sudo tlstrace agent"} {
		if !strings.Contains(w.err.String(), want) {
			t.Errorf("%q is missing in %s", want, w.err.String())
		}
	}
}

func TestStateOfTheConnectionIsTold(t *testing.T) {
	var text strings.Builder
	for _, s := range []stream.State{
		{Kind: stream.Connected},
		{Kind: stream.Disconnected, Err: &url.Error{Op: "Get", URL: "x", Err: net.ErrClosed}, Retry: time.Second},
		{Kind: stream.Noticed, Notice: stream.Notice{Text: "3 events were passed over"}},
		{Kind: stream.Unreadable, Err: net.ErrClosed},
	} {
		tellState(&text, s)
	}
	if got := strings.Count(text.String(), "\n"); got != 3 || !strings.Contains(text.String(), "3 events were passed over") {
		t.Errorf("told:\n%s", text.String())
	}
}
