package main

import (
	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

const rootLong = `kubectl tlstrace tells which TLS handshakes fail in a cluster, between whom, at which step, who gave up, and why.
It asks the tlstrace agents of all nodes through the API server, with your own credentials, and makes one event of what two nodes
tell of one connection.

Exit codes: 0 fine, 2 wrong use or something that could not be read, 3 no agent can be asked.`

func newRoot(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-tlstrace",
		Short:         "Why TLS handshakes fail in a cluster",
		Long:          rootLong,
		Example:       "  kubectl tlstrace watch -A\n  kubectl tlstrace top -n shop\n  kubectl tlstrace explain --to-workload payments",
		Version:       buildVersion,
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl tlstrace"},
	}
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return session.FlagError(cmd.Flags(), cmd.CommandPath(), err)
	})
	root.AddCommand(newWatch(w), newTop(w), newExplain(w))
	return root
}
