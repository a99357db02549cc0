package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

// Set by the linker (see Makefile); a plain go build leaves them empty and the build information speaks.
var (
	buildVersion string
	buildCommit  string
)

// build says which tlstrace this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(w *world) *cobra.Command {
	output := &session.Choice{Allowed: []string{"text", "json"}, Value: "text"}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			return printBuild(w.stdout, thisBuild(info), output.Value)
		},
	}
	cmd.Flags().VarP(output, "output", "o", "how to print it")
	session.CompleteSet(cmd, "output", output.Allowed)
	return cmd
}

// thisBuild prefers what the linker was told over what the Go tool chain found out.
func thisBuild(info *debug.BuildInfo) build {
	b := build{
		Version:  buildVersion,
		Commit:   buildCommit,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info == nil {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && b.Commit == "" {
			b.Commit = s.Value
		}
	}
	return b
}

func printBuild(out io.Writer, b build, format string) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(b)
	}
	commit := ""
	if b.Commit != "" {
		commit = " (" + b.Commit + ")"
	}
	_, err := fmt.Fprintf(out, "tlstrace %s%s %s %s\n", b.Version, commit, b.Go, b.Platform)
	return err
}
