package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

const agentLong = `agent runs on every node, for months: it writes each TLS handshake that fails as one JSON line to standard output, names
the pods and workloads at both ends, serves metrics to alert on, and keeps the recent past for those who arrive late. Its own
messages are JSON lines on standard error. Without a cluster it is an agent for a plain host.

On the address of --listen:
  /metrics       for Prometheus
  /healthz       it runs; /readyz: its hooks are attached and the pods of this node are known, or why not (JSON)
  /v1/events     what failed, and what fails from now on: tlstrace watch --agent http://127.0.0.1:9499 --since 10m
  /v1/version    which tlstrace this is
  /debug/pprof/  with --pprof

SIGHUP or a change of the file of --config reads it again: a bad one is refused and the old one stays. SIGTERM and SIGINT write out
what was read and end with 0; a second one ends at once.

The filters choose what is logged, kept and streamed. The metrics count everything.

`

// newAgent makes the command.
func newAgent(w *world) *cobra.Command {
	cmd, f := agentCommand(w)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.settle(cmd, w.args); err != nil {
			return err
		}
		return runAgent(cmd.Context(), w, f)
	}
	return cmd
}

// agentCommand makes the command without its run, and the settings that its flags fill.
func agentCommand(w *world) (*cobra.Command, *agentFlags) {
	f := &agentFlags{}
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run on a node: log, count and stream failed handshakes",
		Long:  agentLong + session.ReasonsHelp(),
		Example: "  sudo tlstrace agent\n  sudo tlstrace agent --history-dir /var/lib/tlstrace --log-events failures\n" +
			"  sudo tlstrace agent --listen :9499 --token-file /etc/tlstrace/token --tls-cert tls.crt --tls-key tls.key",
		Args: cobra.NoArgs,
	}
	f.register(cmd, w)
	return cmd, f
}

// runAgent runs until a signal, the end of the tracer, or the loss of standard output.
func runAgent(ctx context.Context, w *world, f *agentFlags) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a second signal ends the process at once

	said := newOutlet(w.stderr)
	log := slog.New(slog.NewJSONHandler(said, nil))
	a, err := assemble(ctx, w, f, log)
	if err != nil {
		return errors.Join(err, said.finish(f.shutdownTimeout))
	}
	err = a.run(ctx)
	if err != nil {
		log.Error("ended", "error", err.Error())
		err = fmt.Errorf("agent: %w", err)
	}
	return errors.Join(err, said.finish(f.shutdownTimeout))
}
