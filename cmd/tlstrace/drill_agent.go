package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink/metrics"
)

// series names what a failure is counted as: the labels of tlstrace_handshake_failures_total, or of tlstrace_connect_failures_total.
type series struct {
	role                                             event.Side
	namespace, workload, peerNamespace, peerWorkload string
}

func (s series) String() string {
	who := func(namespace, workload string) string {
		switch {
		case workload == "":
			return "(no pod)"
		case namespace == "":
			return workload
		}
		return namespace + "/" + workload
	}
	return fmt.Sprintf("%s %s", s.role, who(s.namespace, s.workload))
}

// labels are those that the series has, but for its reason.
func (s series) labels() map[string]string {
	return map[string]string{
		"role": string(s.role), "namespace": s.namespace, "workload": s.workload,
		"peer_namespace": s.peerNamespace, "peer_workload": s.peerWorkload,
	}
}

// seriesOf are those that an event is counted in: one for each end that the agent saw.
func seriesOf(e *event.Event) []series {
	clientNS, client := metrics.NameOf(e.Client.K8s)
	serverNS, server := metrics.NameOf(e.Server.K8s)
	var all []series
	if e.ObservedFrom == event.FromClient || e.ObservedFrom == event.FromBoth {
		all = append(all, series{event.Client, clientNS, client, serverNS, server})
	}
	if e.ObservedFrom == event.FromServer || e.ObservedFrom == event.FromBoth {
		all = append(all, series{event.Server, serverNS, server, clientNS, client})
	}
	return all
}

// arrival is what an agent told of the failures that were made.
type arrival struct {
	reasons map[event.Reason]int
	series  map[series]int
	example event.Event
}

func (a *arrival) add(e event.Event) {
	n := 1 + max(e.Repeated, 0)
	a.reasons[e.Verdict.Reason] += n
	a.example = e
	for _, s := range seriesOf(&e) {
		a.series[s] += n
	}
}

// told spells what came: "2 unknown_ca, 1 bad_certificate".
func (a *arrival) told() string {
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(a.reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", a.reasons[r], r))
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// listen reads the agent's events until as many have come as were made, or ctx is done.
func (m *made) listen(ctx context.Context, events source) (*arrival, error) {
	a := &arrival{reasons: map[event.Reason]int{}, series: map[series]int{}}
	for total := 0; total < m.count; {
		e, err := events.Read(ctx)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		if e.Outcome == event.Failed && m.isMine(&e) {
			a.add(e)
			total += 1 + max(e.Repeated, 0)
		}
	}
	return a, nil
}

// scraper reads the metrics of an agent.
type scraper struct {
	url    string
	client *http.Client
}

// newScraper takes an agent's URL, as --agent has it.
func newScraper(agent string, client *http.Client) (scraper, error) {
	if !strings.Contains(agent, "://") {
		agent = "http://" + agent
	}
	u, err := url.Parse(agent)
	if err != nil || u.Host == "" {
		return scraper{}, fmt.Errorf("--agent: %q is no address", shown(agent))
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/v1/events"), "/") + "/metrics"
	u.RawQuery = ""
	return scraper{u.String(), client}, nil
}

// maxScrape bounds an agent's answer in bytes: two metrics of 10,000 series, twice over.
const maxScrape = 64 << 20

// scrape returns the families of counters by name.
func (s scraper) scrape(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading the agent's metrics: %s answers %s", shown(s.url), answer.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(answer.Body, maxScrape))
	if err != nil {
		return nil, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	return families, nil
}

// counterOf is the metric that counts a reason.
func counterOf(reason event.Reason) string {
	if reason.Layer() == event.LayerConnect {
		return "tlstrace_connect_failures_total"
	}
	return "tlstrace_handshake_failures_total"
}

// countOf adds up what is counted for a reason and a series. Labels that the agent was told to leave out are not asked for.
func countOf(families map[string]*dto.MetricFamily, reason event.Reason, s series) float64 {
	want := s.labels()
	want["reason"] = string(reason)
	total := 0.0
	for _, m := range families[counterOf(reason)].GetMetric() {
		matches := true
		for _, l := range m.GetLabel() {
			value, asked := want[l.GetName()]
			matches = matches && (!asked || value == l.GetValue())
		}
		if matches {
			total += m.GetCounter().GetValue()
		}
	}
	return total
}

// rise says by how much each series rose since an earlier scrape, once all have risen by what was told and stay there for a moment, or
// when ctx is done.
func (s scraper) rise(ctx context.Context, before map[string]*dto.MetricFamily, reason event.Reason, told map[series]int) (map[series]int, error) {
	var risen map[series]int
	for settled := 0; settled < 3; {
		families, err := s.scrape(ctx)
		switch {
		case err != nil && ctx.Err() != nil && risen != nil:
			return risen, nil
		case err != nil:
			return nil, err
		}
		risen = map[series]int{}
		settled++
		for key, n := range told {
			risen[key] = int(countOf(families, reason, key) - countOf(before, reason, key))
			if risen[key] < n {
				settled = 0
			}
		}
		if !pause(ctx, 200*time.Millisecond) {
			break
		}
	}
	return risen, nil
}
