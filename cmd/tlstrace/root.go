package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

const rootLong = `tlstrace tells which TLS handshake failed on this machine, between whom, at which step, who gave up,
and why, for every process and whatever TLS library it uses, without touching the process.

Every flag can also be set by an environment variable (--from-pod is TLSTRACE_FROM_POD) and by a key of the
same name in the YAML file of --config (or TLSTRACE_CONFIG). A flag wins over the environment, and that over the file.

Exit codes: 0 fine, 1 findings, 2 wrong use or unreadable input, 3 handshakes cannot be traced here. A recording of which
only some lines cannot be read is fine: each such line is told with its number, and the rest is read.`

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
	root.PersistentFlags().String("config", "", "YAML `file` with a key for every flag")
	root.AddCommand(
		newWatch(w), newAgent(w), newExplain(w), newLogs(w), newDoctor(w), newDemo(w), newDemoPeer(w), newDrill(w), newLint(w), newVersion(w),
	)
	for _, cmd := range root.Commands() {
		documentEnvironment(cmd)
		completeNothing(cmd)
	}
	return root
}

// completeNothing keeps the shell from offering files where none is meant.
func completeNothing(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, known := cmd.GetFlagCompletionFunc(f.Name); !known && !takesFile[f.Name] {
			session.Complete(cmd, f.Name, cobra.NoFileCompletions)
		}
	})
}

// takesFile are the flags whose value is a file or a directory.
var takesFile = map[string]bool{
	"metrics": true, "prometheus-token-file": true, "ca-file": true,
	"cgroup": true, "config": true, "input": true, "ready-file": true, "kubeconfig": true, "token-file": true, "tls-cert": true,
	"tls-key": true, "history-dir": true, "otlp-headers-file": true, "proc": true,
	"filename": true, "baseline": true, "event": true,
}

// documentEnvironment lists in the help of a command by which variables its flags can be set.
func documentEnvironment(cmd *cobra.Command) {
	text, width := "", 0
	for _, flag := range session.FlagNames(cmd.LocalFlags()) {
		if notSettings[flag] {
			continue
		}
		name := variable(flag)
		if text == "" || width+len(name) > 95 {
			text, width = text+"\n ", 1
		}
		text, width = text+" "+name, width+1+len(name)
	}
	if text != "" {
		cmd.SetUsageTemplate(cmd.UsageTemplate() + "\nEnvironment:" + text + "\n")
	}
}
