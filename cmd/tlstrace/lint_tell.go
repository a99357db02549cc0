package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/report"
	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/mesh/lint"
)

// tell applies the baseline and shows what is left.
func (f *lintFlags) tell(w *world, checks []lint.Check, sets []*lint.Set, result lint.Result) error {
	if f.writeBaseline {
		return f.accept(w, result.Findings)
	}
	r := f.report(w)
	r.Checks, r.Result, r.Scope = checks, result, f.cluster.scope
	for _, s := range sets {
		r.Objects += s.Objects()
		for kind, n := range s.Ignored() {
			r.Unknown[kind] += n
		}
	}
	if f.onlyNew {
		r.Result.Findings = slices.DeleteFunc(r.Result.Findings, func(x lint.Finding) bool { return !x.New })
	}
	if f.baseline != "" {
		known, err := f.known()
		if err != nil {
			return err
		}
		r.Gone = known.Apply(&r.Result)
	}
	if err := r.Write(w.stdout, f.view.output.Value); err != nil {
		return err
	}
	if r.Failed() {
		return errFindings
	}
	return nil
}

func (f *lintFlags) report(w *world) *report.Report {
	return &report.Report{
		Unknown: map[string]int{}, FailOn: lint.Severity(f.failOn.Value), Version: thisBuild(nil).Version,
		Screen: session.ScreenOf(w.stdout, f.view.color.Value),
	}
}

// known reads the baseline.
func (f *lintFlags) known() (lint.Baseline, error) {
	text, err := os.ReadFile(f.baseline)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lint.Baseline{}, fmt.Errorf("--baseline: %w; --write-baseline makes it", err)
	case err != nil:
		return lint.Baseline{}, fmt.Errorf("--baseline: %w", err)
	}
	b, err := lint.ReadBaseline(bytes.NewReader(text))
	if err != nil {
		return b, fmt.Errorf("--baseline %s: %w", f.baseline, err)
	}
	return b, nil
}

// accept writes the baseline.
func (f *lintFlags) accept(w *world, findings []lint.Finding) error {
	var text bytes.Buffer
	if err := lint.NewBaseline(findings).Write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(f.baseline, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--write-baseline: %w", err)
	}
	_, err := fmt.Fprintf(w.stderr, "tlstrace: %d findings are accepted in %s\n", len(findings), f.baseline)
	return err
}

// show documents the checks.
func (f *lintFlags) show(w *world, checks []lint.Check) error {
	r := f.report(w)
	r.Checks = checks
	if f.view.output.Value == "json" {
		return r.ListJSON(w.stdout)
	}
	return r.List(w.stdout)
}
