package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `tlstrace tells which TLS handshake failed on this machine, between whom, at which step, who gave up,
and why, for every process and whatever TLS library it uses, without touching the process.

Every flag can also be set by an environment variable (--from-pod is TLSTRACE_FROM_POD) and by a key of the
same name in the YAML file of --config (or TLSTRACE_CONFIG). A flag wins over the environment, and that over the file.

Exit codes: 0 fine, 1 findings, 2 wrong use or unreadable input, 3 handshakes cannot be traced here.`

// newRoot builds the command tree; every command gets the world and nothing else.
func newRoot(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:               "tlstrace",
		Short:             "Why TLS handshakes fail, for every process on this machine",
		Long:              rootLong,
		Example:           "  sudo tlstrace watch\n  sudo tlstrace demo\n  tlstrace explain --input failures.jsonl",
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return configure(cmd) },
	}
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return flagError(cmd.Flags(), cmd.CommandPath(), err)
	})
	root.PersistentFlags().String("config", "", "YAML file with a key for every flag")
	root.AddCommand(
		newWatch(w), newExplain(w), newDoctor(w), newDemo(w), newDemoPeer(w), newVersion(w),
	)
	for _, cmd := range root.Commands() {
		documentEnvironment(cmd)
	}
	return root
}

// documentEnvironment lists in the help of a command by which variables its flags can be set.
func documentEnvironment(cmd *cobra.Command) {
	var names []string
	for _, flag := range flagNames(cmd.LocalFlags()) {
		if flag != "help" {
			names = append(names, variable(flag))
		}
	}
	if len(names) == 0 {
		return
	}
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\nEnvironment:\n  " + strings.Join(names, "\n  ") + "\n")
}
