package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/machine"
)

// options say what to measure, and how.
type options struct {
	binary             string // tlstrace
	page               string // where to; "" is standard output
	pairs              int
	window             time.Duration
	profiles, subjects string // regular expressions
}

// measured is everything that the page tells of a profile.
type measured struct {
	profile  profile
	compared []compared
	counted  []counted
}

// results are all that was measured.
type results struct {
	machine, versions string
	options           options
	costs             costs
	measured          []measured
}

// run measures everything, and writes the page. What it is doing it tells meanwhile.
func run(ctx context.Context, progress io.Writer, o options) (err error) {
	defer hurry()()
	begun := time.Now()
	r := results{options: o}
	profiles, subjects, err := choose(o)
	if err != nil {
		return err
	}
	if err := installed(); err != nil {
		return err
	}
	l, err := newLab(ctx, proxiesOf(profiles)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	r.machine, r.versions = machine.Description(), versions(ctx, o.binary)
	fmt.Fprintf(progress, "%s, load %s; %s\n", r.machine, machine.Load(), r.versions)
	if r.costs, err = measureCosts(ctx, l.tree); err != nil {
		return err
	}
	for _, p := range profiles {
		m, err := measure(ctx, progress, l, p, subjects, o)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.measured = append(r.measured, m)
	}
	fmt.Fprintf(progress, "took %s\n", time.Since(begun).Round(time.Second))
	if o.page == "" {
		return r.write(os.Stdout)
	}
	return r.save(o.page)
}

func measure(ctx context.Context, progress io.Writer, l *lab, p profile, subjects []subject, o options) (m measured, err error) {
	m.profile = p
	mine := slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool { return s.serves != nil && !s.serves(p) })
	if m.compared, err = compare(ctx, progress, l, p, mine, o); err != nil {
		return m, err
	}
	for _, s := range mine {
		if !s.isAgent {
			continue
		}
		c, err := countRuns(ctx, l, p, s, o.window)
		if err != nil {
			return m, fmt.Errorf("count runs of %s: %w", s.name, err)
		}
		m.counted = append(m.counted, c)
	}
	return m, nil
}

// choose takes what was asked for.
func choose(o options) ([]profile, []subject, error) {
	profileNames, err := regexp.Compile(o.profiles)
	if err != nil {
		return nil, nil, fmt.Errorf("-profiles: %w", err)
	}
	subjectNames, err := regexp.Compile(o.subjects)
	if err != nil {
		return nil, nil, fmt.Errorf("-subjects: %w", err)
	}
	chosen := slices.DeleteFunc(slices.Clone(profiles), func(p profile) bool { return !profileNames.MatchString(p.name) })
	subjects := slices.DeleteFunc(append(agents(o.binary), others...), func(s subject) bool { return !subjectNames.MatchString(s.name) })
	if len(chosen) == 0 || len(subjects) == 0 {
		return nil, nil, errors.New("nothing is left to measure: -profiles or -subjects matches none")
	}
	return chosen, subjects, nil
}

// installed says what is missing.
func installed() error {
	var missing []string
	for _, name := range []string{"nginx", "haproxy", "wrk", "tcpdump", "tshark", "bpftrace", "python3", "taskset"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s missing: apt-get install --no-install-recommends nginx-light haproxy wrk tcpdump tshark bpftrace python3 util-linux",
			strings.Join(missing, ", "))
	}
	return nil
}

// proxiesOf names the programs that profiles measure, each once.
func proxiesOf(chosen []profile) []string {
	var names []string
	for _, p := range chosen {
		if !slices.Contains(names, p.proxy) {
			names = append(names, p.proxy)
		}
	}
	return names
}
