package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
)

const drillLong = `drill makes a TLS handshake fail on purpose, and checks that this arrives: as an event of the agent, in its metrics, by
exactly as many as were made, and with --prometheus as an alert. It is for the nightly test that the alerting works.

The failures are made on loopback, or with --connect at a server that 'tlstrace drill serve' runs in another pod. They are few, one after
the other, and touch no other workload: nothing is made to fail at an address where no drill's server answers. Their clients ask for
names below ` + drillName + `.

Exit codes: 0 all arrived, 1 something did not (and what to look at), 2 wrong use, 3 it could not be tried.`

// The bounds of a drill.
const (
	maxDrillCount = 1000
	maxDrillEvery = time.Minute
	maxDrillWait  = time.Hour
	maxDrillMade  = time.Hour // in all, for one reason
)

// errCannotDrill says that a drill could not be done, which is no word on whether failures arrive.
var errCannotDrill = errors.New("the drill cannot be done")

// drillFlags are its settings.
type drillFlags struct {
	reasons         session.Choices
	count           int
	every           time.Duration
	wait            time.Duration
	connect         string
	remote          remoteFlags
	prometheus      string
	prometheusToken string
	until           session.Choice
	output          session.Choice
	list            bool
}

func newDrill(w *world) *cobra.Command {
	var f drillFlags
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Make a handshake fail, and check that the failure arrives where it should",
		Long:  drillLong,
		Example: "  tlstrace drill\n  tlstrace drill --reason unknown_ca --prometheus http://prometheus:9090 --until firing\n" +
			"  tlstrace drill serve --listen :9443        # in one pod\n  tlstrace drill --connect 10.1.2.3:9443     # in another",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.list {
				return listDrill(w.stdout)
			}
			if err := f.check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			results, err := f.run(ctx, w)
			return errors.Join(printDrill(w.stdout, results, f.output.Value), err, verdictOf(results, err))
		},
	}
	f.register(cmd, w)
	cmd.AddCommand(newDrillServe(w))
	return cmd
}

func (f *drillFlags) register(cmd *cobra.Command, w *world) {
	f.reasons = session.Choices{Kind: "reasons", Allowed: drillReasons()}
	f.until = session.Choice{Allowed: []string{alertPending, alertFiring}, Value: alertPending}
	f.output = session.Choice{Allowed: []string{"text", "json"}, Value: "text"}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.reasons, "reason", "make these fail, one after the other (default "+string(event.CertificateExpired)+"; --list shows all)")
	flags.IntVar(&f.count, "count", 0, "make so `many` of each (default: as many as its alert asks for, or 3 without --prometheus)")
	flags.DurationVar(&f.every, "every", 0, "so long from one to the next (default: as its alert asks for)")
	flags.StringVar(&f.connect, "connect", "", "make them at the drill's server at this `address`, and not on loopback")
	f.remote.register(cmd)
	flags.Lookup("agent").Usage = "the `URL` of the agent on this node (default " + w.agent + ")"
	flags.StringVar(&f.prometheus, "prometheus", "", "also wait for the alert, in the Prometheus at this `URL`")
	flags.StringVar(&f.prometheusToken, "prometheus-token-file", "", "show that the bearer token in this `file`")
	flags.Var(&f.until, "until", "the state in which the alert has arrived")
	flags.DurationVar(&f.wait, "wait", 2*time.Minute, "wait so long at most for each of event, metric and alert")
	flags.BoolVar(&f.list, "list", false, "list what can be made to fail, and its alerts")
	flags.VarP(&f.output, "output", "o", "how to print it")
	session.CompleteList(cmd, "reason", f.reasons.Allowed)
	session.CompleteSet(cmd, "until", f.until.Allowed)
	session.CompleteSet(cmd, "output", f.output.Allowed)
}

func (f *drillFlags) check() error {
	switch {
	case f.count < 0 || f.count > maxDrillCount:
		return fmt.Errorf("--count %d: must be from 1 to %d", f.count, maxDrillCount)
	case f.every < 0 || f.every > maxDrillEvery:
		return fmt.Errorf("--every %s: must be from 0 to %s", f.every, maxDrillEvery)
	case time.Duration(f.count)*f.every > maxDrillMade:
		return fmt.Errorf("--count %d --every %s: must take %s at most", f.count, f.every, maxDrillMade)
	case f.wait <= 0 || f.wait > maxDrillWait:
		return fmt.Errorf("--wait %s: must be more than 0, and %s at most", f.wait, maxDrillWait)
	case f.prometheus == "" && f.prometheusToken != "":
		return errors.New("--prometheus-token-file is for --prometheus: give both or none")
	}
	return nil
}

// chosen are the failures to make, as often as is asked for.
func (f *drillFlags) chosen() []drillFailure {
	wanted := f.reasons.Values
	if len(wanted) == 0 {
		wanted = []string{string(event.CertificateExpired)}
	}
	var all []drillFailure
	for _, d := range drillFailures() {
		if !slices.Contains(wanted, string(d.reason)) {
			continue
		}
		if f.prometheus == "" {
			d.count, d.every = 3, 0
		}
		if f.count > 0 {
			d.count = f.count
		}
		if f.every > 0 {
			d.every = f.every
		}
		all = append(all, d)
	}
	return all
}

// run makes all failures, one reason after the other.
func (f *drillFlags) run(ctx context.Context, w *world) ([]drillResult, error) {
	d, closeAll, err := f.open(w)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	var results []drillResult
	for _, failure := range f.chosen() {
		r, err := d.try(ctx, failure)
		if err != nil {
			return results, fmt.Errorf("%w: %s: %w", errCannotDrill, failure.reason, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// drill is what a run needs.
type drill struct {
	f      *drillFlags
	w      *world
	target drillTarget
	agent  scraper
	alerts *promAPI // nil without --prometheus
}

// open finds or starts the server, and whom to ask.
func (f *drillFlags) open(w *world) (*drill, func(), error) {
	if f.remote.agent == "" {
		f.remote.agent = w.agent
	}
	trusted, err := f.remote.trusted()
	if err != nil {
		return nil, nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trusted
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	d := &drill{f: f, w: w}
	if d.agent, err = newScraper(f.remote.agent, client); err != nil {
		return nil, nil, err
	}
	if f.prometheus != "" {
		p, err := newPrometheus(f.prometheus, f.prometheusToken, client)
		if err != nil {
			return nil, nil, err
		}
		d.alerts = &p
	}
	var stop func()
	if d.target, stop, err = f.openTarget(w); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errCannotDrill, err)
	}
	return d, stop, nil
}

// openTarget asks the server of --connect what it offers, or starts one on loopback.
func (f *drillFlags) openTarget(w *world) (drillTarget, func(), error) {
	address, stop := f.connect, func() {}
	if address == "" {
		server, err := newDrillServer(netip.MustParseAddrPort("127.0.0.1:0"), w.now())
		if err != nil {
			return drillTarget{}, nil, err
		}
		address, stop = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.offer.TLS).String(), func() { _ = server.Close() }
	}
	target, err := newDrillTarget(address)
	if err != nil {
		stop()
	}
	return target, stop, err
}

// try makes the failures of one reason, and follows them.
func (d *drill) try(ctx context.Context, failure drillFailure) (drillResult, error) {
	query := url.Values{"port": {strconv.Itoa(int(d.target.port(failure)))}}
	events, err := d.f.remote.open(ctx, d.w, query, false)
	if err != nil {
		return drillResult{}, err
	}
	defer events.Close()
	before, err := d.agent.scrape(ctx)
	if err != nil {
		return drillResult{}, err
	}
	fmt.Fprintf(d.w.stderr, "making %d connections to %s that fail with %s\n", failure.count, d.target.address(failure), failure.reason)
	m, err := makeFailures(ctx, d.target, failure)
	if err != nil {
		return drillResult{}, err
	}
	r := newDrillResult(m)
	arrived, err := d.event(ctx, &r, m, events)
	if err != nil || !r.OK {
		return r, err
	}
	if err := d.metric(ctx, &r, m, arrived, before); err != nil {
		return r, err
	}
	if d.alerts != nil {
		err = d.alert(ctx, &r, m, arrived)
	}
	return r, err
}
