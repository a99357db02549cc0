package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/report"
	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

const lintLong = `lint says whether mutual TLS will work with an Istio configuration, before a handshake fails. It reads manifests (-f; Helm or
kustomize output through -), a live cluster (the current context of kubectl), or both: with --live, files are laid over the cluster, and
--only-new shows what they would change. Nothing is written to the cluster, and no Secret is ever shown.

What is not in the files is not taken to be missing, unless --complete says that they are the whole cluster. An object is left alone by
checks that its annotation ` + lint.IgnoreAnnotation + ` names, as in "TLT0401, TLT0803".

Exit codes: 0 nothing that --fail-on asks for, 1 findings, 2 wrong use, or nothing to check.`

const lintExample = `  tlstrace lint -f deploy/                                    # manifests
  helm template chart/ | tlstrace lint -f -                   # what a chart makes
  tlstrace lint -A                                            # the cluster of the current context
  kustomize build . | tlstrace lint -f - --live --only-new    # what this change would break there
  tlstrace lint -f deploy/ -o sarif > lint.sarif
  tlstrace lint -A --event failures.jsonl                     # which object a failure is due to`

// lintFlags are the settings of lint.
type lintFlags struct {
	files         []string
	live          bool
	complete      bool
	onlyNew       bool
	cluster       clusterFlags
	istioVersion  string
	expiry        span
	trustDomain   string
	rootNamespace string
	only, skip    []string
	failOn        session.Choice
	view          viewFlags
	baseline      string
	writeBaseline bool
	list          bool
	event         string
}

func newLint(w *world) *cobra.Command {
	f := lintFlags{expiry: span{Duration: lint.DefaultExpiry}}
	cmd := &cobra.Command{
		Use:     "lint [FILE|DIR|-]...",
		Short:   "Check an Istio configuration for what will break mutual TLS",
		Long:    lintLong,
		Example: lintExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.files = append(f.files, args...)
			if err := f.check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return f.run(ctx, w)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *lintFlags) register(cmd *cobra.Command) {
	checks := lint.Checks()
	var names []string
	for _, c := range checks {
		names = append(names, c.ID, c.Name)
	}
	f.failOn = session.Choice{Allowed: append(session.Spelled(lint.Severities), "never"), Value: string(lint.Error)}
	f.view.register(cmd, "columns", report.Formats()...)
	f.cluster.register(cmd)
	flags := cmd.Flags()
	flags.StringSliceVarP(&f.files, "filename", "f", nil, "read this `file` or directory, or - for standard input; may be repeated")
	flags.BoolVar(&f.live, "live", false, "lay the files over the live cluster")
	flags.BoolVar(&f.complete, "complete", false, "the files are the whole cluster: what they name and lack does not exist")
	flags.BoolVar(&f.onlyNew, "only-new", false, "show only what exists because of the files (with --live)")
	flags.StringVar(&f.istioVersion, "istio-version", "", "the `version` that sidecars have to have: 1.29.1, or 1.29 for any of its patches")
	flags.Var(&f.expiry, "expiry", "report certificates that expire within this `time`, as in 30d or 72h")
	flags.StringVar(&f.trustDomain, "trust-domain", "", "the mesh's trust `domain`, instead of what the mesh configuration says")
	flags.StringVar(&f.rootNamespace, "root-namespace", "", "the mesh's root `namespace` (default istio-system)")
	flags.StringSliceVar(&f.only, "check", nil, "make only these `checks`, by ID or name; --list shows them")
	flags.StringSliceVar(&f.skip, "skip", nil, "leave these `checks` out")
	flags.Var(&f.failOn, "fail-on", "exit with 1 if there is a finding as bad as this")
	flags.StringVar(&f.baseline, "baseline", "", "do not report what is in this `file`")
	flags.BoolVar(&f.writeBaseline, "write-baseline", false, "write what is found to the file of --baseline, and accept it from now on")
	flags.BoolVar(&f.list, "list", false, "document all checks, and check nothing")
	flags.StringVar(&f.event, "event", "", "name the objects to blame for the failures of this JSON lines `file`; - is standard input")
	session.CompleteList(cmd, "check", names)
	session.CompleteList(cmd, "skip", names)
	session.CompleteSet(cmd, "fail-on", f.failOn.Allowed)
}

// check refuses flags that make no sense together.
func (f *lintFlags) check() error {
	stdin := 0
	for _, name := range append([]string{f.event}, f.files...) {
		if name == "-" {
			stdin++
		}
	}
	switch {
	case stdin > 1:
		return errors.New("standard input (-) can be read once only")
	case f.onlyNew && (!f.live || len(f.files) == 0):
		return errors.New("--only-new compares files with a live cluster: give -f and --live")
	case len(f.files) > 0 && !f.live && f.cluster.named():
		return errors.New("files alone do not read the cluster that is named: add --live to lay them over it")
	case f.complete && (f.live || len(f.files) == 0):
		return errors.New("--complete is about files: what is missing in a live cluster is known")
	case f.writeBaseline && f.baseline == "":
		return errors.New("--write-baseline needs --baseline to say which file")
	case f.event != "" && f.view.output.Value != "columns" && f.view.output.Value != "json":
		return fmt.Errorf("--event is shown as columns or json, not %s", f.view.output.Value)
	case f.list && f.view.output.Value != "columns" && f.view.output.Value != "json":
		return fmt.Errorf("--list is shown as columns or json, not %s", f.view.output.Value)
	}
	return f.cluster.check()
}

// run reads, checks and reports.
func (f *lintFlags) run(ctx context.Context, w *world) error {
	checks, err := lint.Choose(lint.Checks(), f.only, f.skip)
	if err != nil {
		return err
	}
	if f.list {
		return f.show(w, checks)
	}
	sets, err := f.read(ctx, w)
	if err != nil {
		return err
	}
	options := f.options(w)
	built := lint.Build(options, sets...)
	result := lint.Run(built, checks)
	if len(sets) > 1 {
		result.MarkNew(lint.Run(lint.Build(options, sets[0]), checks))
	}
	if f.event != "" {
		return f.blame(ctx, w, built, result.Findings)
	}
	return f.tell(w, checks, sets, result)
}

func (f *lintFlags) options(w *world) lint.Options {
	o := lint.Options{
		IstioVersion: f.istioVersion, Expiry: f.expiry.Duration, Now: w.now(), TrustDomain: f.trustDomain, RootNamespace: f.rootNamespace,
	}
	if len(f.files) == 0 || f.live {
		o.Namespace = f.cluster.scope
	}
	return o
}

// errNothing says that what was read holds no object that lint knows: a gate that checks nothing must not pass.
var errNothing = errors.New("nothing to check")

// read reads the cluster, the files, or both, in this order.
func (f *lintFlags) read(ctx context.Context, w *world) ([]*lint.Set, error) {
	var sets []*lint.Set
	namespace := f.cluster.namespace
	if f.live || len(f.files) == 0 {
		live, err := f.cluster.read(ctx, f.rootNamespace)
		if err != nil {
			return nil, err
		}
		sets = append(sets, live)
		namespace = f.cluster.current
	}
	if len(f.files) > 0 {
		files := lint.Files{Stdin: w.stdin, Namespace: namespace, Complete: f.complete}
		read, err := files.Read(f.files...)
		if err != nil {
			return nil, fmt.Errorf("reading manifests: %w", err)
		}
		sets = append(sets, read)
	}
	last := sets[len(sets)-1]
	if last.Objects() == 0 && last.Problems() == 0 {
		return nil, fmt.Errorf("%w: %s", errNothing, cmp.Or(f.nothing(last), "the cluster has no object that lint knows"))
	}
	return sets, nil
}

// nothing says what the files hold instead of objects that lint knows.
func (f *lintFlags) nothing(s *lint.Set) string {
	switch {
	case len(f.files) == 0:
		return ""
	case len(s.Ignored()) > 0:
		return "the files hold Kubernetes objects, but none of a kind that lint knows"
	}
	return "there is no Kubernetes object in the files (.yaml, .yml and .json are read in directories)"
}
