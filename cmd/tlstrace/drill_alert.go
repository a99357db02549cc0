package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/deploy/alerts"
)

// What has become of an alert, from the least to the most.
const (
	alertSilent  = "silent"  // neither
	alertTrue    = "true"    // the expression is true, and no rule says so
	alertPending = "pending" // the expression is true, not yet for as long as the rule asks for
	alertFiring  = "firing"
)

// alertStates in their order.
var alertStates = []string{alertSilent, alertTrue, alertPending, alertFiring}

// hopedAlert is an alert that has to come of the failures that were made.
type hopedAlert struct {
	prometheus promAPI
	rule       alerts.Rule
	reason     string
	series     []series
}

// newHopedAlert finds the shipped rule.
func newHopedAlert(p promAPI, m *made, a *arrival) (*hopedAlert, error) {
	shipped, err := alerts.Shipped()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(shipped, func(r alerts.Rule) bool { return r.Alert == m.failure.alert })
	if at < 0 {
		return nil, fmt.Errorf("there is no alert %s", m.failure.alert)
	}
	h := &hopedAlert{prometheus: p, rule: shipped[at], reason: string(m.failure.reason)}
	for s := range a.series {
		h.series = append(h.series, s)
	}
	return h, nil
}

// isOurs says whether the labels of an alert or a series are those of the failures that were made. Who it is about has to be the same; of
// whom it was with and why, what is there.
func (h *hopedAlert) isOurs(labels map[string]string) bool {
	return slices.ContainsFunc(h.series, func(s series) bool {
		for name, value := range s.labels() {
			got, there := labels[name]
			if got != value && (there || !strings.HasPrefix(name, "peer_")) {
				return false
			}
		}
		reason, there := labels["reason"]
		return !there || reason == h.reason
	})
}

// state asks once.
func (h *hopedAlert) state(ctx context.Context) (string, error) {
	active, err := h.prometheus.alerts(ctx)
	if err != nil {
		return alertSilent, err
	}
	best := alertSilent
	for _, a := range active {
		if a.Labels["alertname"] == h.rule.Alert && h.isOurs(a.Labels) && slices.Index(alertStates, a.State) > slices.Index(alertStates, best) {
			best = a.State
		}
	}
	if best != alertSilent {
		return best, nil
	}
	samples, err := h.prometheus.query(ctx, h.rule.Expr)
	if err == nil && slices.ContainsFunc(samples, func(s sample) bool { return h.isOurs(s.Metric) }) {
		best = alertTrue
	}
	return best, err
}

// await asks until the alert is in a state or further, or ctx is done.
func (h *hopedAlert) await(ctx context.Context, wanted string) (string, error) {
	state := alertSilent
	for {
		now, err := h.state(ctx)
		switch {
		case ctx.Err() != nil:
			return state, nil
		case err != nil:
			return state, err
		}
		state = now
		if slices.Index(alertStates, state) >= slices.Index(alertStates, wanted) || !pause(ctx, time.Second) {
			return state, nil
		}
	}
}

// whyNot finds out what keeps an alert from coming, as far as Prometheus knows.
func (h *hopedAlert) whyNot(ctx context.Context, state string) string {
	loaded, err := h.prometheus.rules(ctx)
	rule, there := loaded[h.rule.Alert]
	switch {
	case err != nil:
		return "its rules cannot be read: " + err.Error()
	case !there:
		return "no rule of that name is loaded: is the PrometheusRule selected by this Prometheus (prometheusRule.labels)?"
	case rule.Health == "err":
		return "the rule cannot be evaluated: " + shown(rule.LastError)
	case state == alertPending:
		return fmt.Sprintf("it fires once it has been pending for %s: give it more time (--wait)", h.rule.For)
	}
	samples, err := h.prometheus.query(ctx, h.selector())
	if err == nil && len(samples) == 0 {
		return "Prometheus has no sample of " + h.selector() + ": does it scrape this agent, with honor_labels and the job tlstrace?"
	}
	known, err := h.prometheus.query(ctx, `last_over_time(tlstrace_build_info[1h] offset 30m)`)
	if err == nil && len(known) == 0 {
		return "this Prometheus has known no agent for half an hour: until then the first failures of a kind do not count. Drill again"
	}
	return "Prometheus has the failures, and the rule is not true of them: were they as many as the alert asks for (drill --list), or is it overridden?"
}

// selector finds the failures in Prometheus.
func (h *hopedAlert) selector() string {
	var parts []string
	for name, value := range h.series[0].labels() {
		parts = append(parts, fmt.Sprintf("%s=%q", name, value))
	}
	slices.Sort(parts)
	metric := "tlstrace_handshake_failures_total"
	if h.rule.Alert == "TLSConnectFailures" {
		metric = "tlstrace_connect_failures_total"
	}
	return metric + "{" + strings.Join(append(parts, fmt.Sprintf("reason=%q", h.reason)), ", ") + "}"
}
