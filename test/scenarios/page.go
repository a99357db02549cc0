package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// page is docs/truth.md.
type page struct {
	full   []Result // the whole matrix
	wire   []Result // a slice of it, with the libraries left alone
	others *Others  // nil: not measured
}

const pageHead = `# Is it true?

<!-- Written by "make truth". Every figure is counted from the events of "tlstrace watch -o json --all". -->

Real programs make real connections that fail in known ways, and others that do not fail. What must be reported follows from how the two
programs were set up; that it really happened so is proven by what they print. Then each event is compared with that.
[test/scenarios](../test/scenarios) holds the rows, and CI plays a slice of them. Before the first row some program runs with each library, as on
a node: what fails in the first milliseconds of a library that nobody used before may be told without the library's own reason.

- **reported**: failures for which there is an event. **once**: exactly one event, whoever saw it.
- **sure**: verdicts whose reason is right and ` + "`exact` or `derived`" + `. **cause**: verdicts that name the very thing that was set up, where ` +
	"others name its kind (`server_certificate_rejected`)" + `.
- **wrong**: verdicts with a reason that is not true / that say of the wrong side that it gave up / that send you to the wrong side.
- **false alarms**: events that call a healthy or noisy connection failed, and any beyond the first for one that did fail.

`

func (p page) markdown() string {
	var b strings.Builder
	b.WriteString(pageHead)
	p.totals(&b)
	b.WriteString("\n## By failure\n\n")
	table(&b, "failure", p.full, func(s Scenario) string { return s.Failure })
	b.WriteString("\n## By client\n\n")
	table(&b, "client", p.full, func(s Scenario) string { return s.Client })
	b.WriteString("\n## By server\n\n")
	table(&b, "server", p.full, func(s Scenario) string { return s.Server })
	healthyTable(&b, p.full)
	undecidable(&b, p.full)
	p.wrongRows(&b)
	p.others.section(&b, p.full)
	fmt.Fprintf(&b, "\n%s\n", score(p.full).Line())
	return b.String()
}

// totals compares what probes in libraries add to what the wire tells.
func (p page) totals(b *strings.Builder) {
	b.WriteString("## In all\n\n| | connections | failures | " + columns + "\n|---|---|---|" + strings.Repeat("---|", strings.Count(columns, "|")) + "\n")
	probed := func(r Result) bool { return r.Client != "java" && r.Server != "java" }
	for _, group := range []struct {
		name    string
		results []Result
	}{
		{"everything", p.full},
		{"certificates and negotiation, programs with probes", filter(p.full, func(r Result) bool { return agreed(r) && probed(r) })},
		{"certificates and negotiation, with Java, which has none", filter(p.full, func(r Result) bool { return agreed(r) && !probed(r) })},
		{"certificates and negotiation, a slice with `--no-libraries`", filter(p.wire, agreed)},
	} {
		s := score(group.results)
		fmt.Fprintf(b, "| %s | %d | %d | %s\n", group.name, len(group.results), s.Failures, s.cells())
	}
}

// agreed says that the ends spoke TLS with each other and one refused what the other had.
func agreed(r Result) bool {
	layer := r.Truth.cause().Layer()
	return r.Truth.Certainty == Must && (layer == event.LayerCertificate || layer == event.LayerNegotiation)
}

func filter(results []Result, keep func(Result) bool) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return !keep(r) })
}

const columns = "reported | once | sure | cause | wrong | false alarms |"

func (s Score) cells() string {
	return fmt.Sprintf("%s%% | %s%% | %s%% | %s%% | %d / %d / %d | %d |", percent(s.Reported, s.Failures), percent(s.Once, s.Failures),
		percent(s.Sure, s.Reported), percent(s.Named, s.Reported), s.WrongReason, s.WrongGaveUp, s.WrongLookAt, s.False)
}

// table shows the failures that had to be reported, grouped in the order in which the groups first come.
func table(b *strings.Builder, head string, results []Result, key func(Scenario) string) {
	must := filter(results, func(r Result) bool { return r.Truth.Certainty == Must })
	fmt.Fprintf(b, "| %s | failures | %s\n|---|---|%s\n", head, columns, strings.Repeat("---|", strings.Count(columns, "|")))
	for _, k := range keys(must, key) {
		s := score(filter(must, func(r Result) bool { return key(r.Scenario) == k }))
		fmt.Fprintf(b, "| %s | %d | %s\n", k, s.Failures, s.cells())
	}
}

func keys(results []Result, key func(Scenario) string) []string {
	var all []string
	for _, r := range results {
		if k := key(r.Scenario); k != "" && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

func healthyTable(b *strings.Builder, results []Result) {
	b.WriteString("\n## Healthy and noisy connections\n\n| | scenarios | reported as failed | told with `--all` as |\n|---|---|---|---|\n")
	healthy := filter(results, func(r Result) bool { return r.Truth.Certainty == Never })
	for _, k := range keys(healthy, func(s Scenario) string { return s.Failure }) {
		group := filter(healthy, func(r Result) bool { return r.Failure == k })
		fmt.Fprintf(b, "| %s | %d | %d | %s |\n", k, len(group), score(group).False, outcomes(group))
	}
}

func outcomes(results []Result) string {
	var all []string
	for _, r := range results {
		for _, e := range r.Told {
			if o := string(e.Outcome); !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

const undecidableHead = `
## What cannot be known

These programs finish the handshake, judge the certificate only then, and close. On the wire that is a handshake that succeeded and a
short connection; no alert says otherwise. They count in no figure above but "wrong" and "false alarms": sometimes a library
tells, and then it is reported.

| client | server | failure | connections | told |
|---|---|---|---|---|
`

func undecidable(b *strings.Builder, results []Result) {
	b.WriteString(undecidableHead)
	may := filter(results, func(r Result) bool { return r.Truth.Certainty == May })
	for _, client := range keys(may, func(s Scenario) string { return s.Client }) {
		of := filter(may, func(r Result) bool { return r.Client == client })
		for _, k := range keys(of, func(s Scenario) string { return s.Failure }) {
			group := filter(of, func(r Result) bool { return r.Failure == k })
			s := score(group)
			fmt.Fprintf(b, "| %s | %s | %s | %d | %d |\n", client, servers(group), k, s.May, s.MayTold)
		}
	}
}

func servers(results []Result) string {
	all := keys(results, func(s Scenario) string { return s.Server })
	if len(all) > 1 {
		return "any"
	}
	return strings.Join(all, "")
}

// wrongRows shows every scenario of which something is wrong.
func (p page) wrongRows(b *strings.Builder) {
	b.WriteString("\n## What is wrong\n\n")
	before := b.Len()
	for _, r := range p.full {
		if len(r.Wrong) > 0 {
			fmt.Fprintf(b, "- %s: %s\n", r.Name, strings.Join(r.Wrong, "; "))
		}
	}
	for _, r := range filter(p.wire, agreed) {
		if len(r.Wrong) > 0 {
			fmt.Fprintf(b, "- %s with `--no-libraries`: %s\n", r.Name, strings.Join(r.Wrong, "; "))
		}
	}
	if b.Len() == before {
		b.WriteString("Nothing.\n")
	}
}
