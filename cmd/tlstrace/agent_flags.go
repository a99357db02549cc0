package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/metrics"
	"github.com/tlstrace/tlstrace/tracer"
)

// Defaults and bounds of the agent's settings.
const (
	defaultListen   = "127.0.0.1:9499"
	defaultShutdown = 10 * time.Second
	defaultEvents   = 4_096
	defaultBytes    = 8 << 20
	defaultSeries   = 10_000
	maxFold         = time.Hour
	maxHistory      = 1_000_000
	maxHistoryBytes = 16 << 30
	maxSeries       = 1_000_000
	maxHold         = 24 * time.Hour
)

// agentFlags are the settings of the agent.
type agentFlags struct {
	logEvents session.Choice
	filter    session.Filter
	fold      time.Duration

	kubernetes       session.Choice
	kubeconfig, node string

	listen                     string
	auth                       session.Choice
	tokenFile, tlsCert, tlsKey string
	pprof                      bool

	labels []string
	series int

	historyEvents int
	historyBytes  int64
	historyDir    string

	otlpEndpoint, otlpHeaders string
	otlpInsecure              bool

	capture         session.Choice
	proxyLogs       string
	proc            string
	tracer          tracer.Options
	shutdownTimeout time.Duration

	given  *pflag.FlagSet // as they were set, to compare with what is read later
	config string         // path of the file they were read from, or ""
}

// flagGroup is a part of the agent's flags, as its help shows them.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

func (f *agentFlags) register(cmd *cobra.Command, w *world) {
	groups := []flagGroup{
		{"What is logged, kept and streamed", f.logFlags()},
		{"Names", f.nameFlags()},
		{"Metrics, health and stream", f.serverFlags()},
		{"The recent past", f.historyFlags()},
		{"OpenTelemetry", f.otlpFlags()},
		{"Tracing", f.tracerFlags(w)},
	}
	for _, g := range groups {
		g.flags.VisitAll(cmd.Flags().AddFlag)
	}
	f.given = cmd.Flags()
	f.filter.Complete(cmd)
	for flag, set := range map[string]*session.Choice{"log-events": &f.logEvents, "kubernetes": &f.kubernetes, "auth": &f.auth, "capture": &f.capture} {
		session.CompleteSet(cmd, flag, set.Allowed)
	}
	groupUsage(cmd, groups)
}

// groupUsage shows the flags under the titles of their groups.
func groupUsage(cmd *cobra.Command, groups []flagGroup) {
	var text strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&text, "%s:\n%s\n", g.title, g.flags.FlagUsages())
	}
	all := "Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}"
	cmd.SetUsageTemplate(strings.Replace(cmd.UsageTemplate(), all, strings.TrimSpace(text.String()), 1))
}

func newFlagGroup() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	return flags
}

func (f *agentFlags) logFlags() *pflag.FlagSet {
	flags := newFlagGroup()
	f.logEvents = session.Choice{Allowed: []string{"failures", "all"}, Value: "failures"}
	flags.Var(&f.logEvents, "log-events", "all also tells handshakes that succeeded, and noise: for a test, not for months")
	flags.DurationVar(&f.fold, "fold", sink.DefaultFoldWindow, "gather the repeats of a failure for so long, and longer if it goes on; 0 tells each")
	f.filter.Choose(flags)
	return flags
}

func (f *agentFlags) nameFlags() *pflag.FlagSet {
	flags := newFlagGroup()
	f.kubernetes = session.Choice{Allowed: []string{"auto", "on", "off"}, Value: "auto"}
	flags.Var(&f.kubernetes, "kubernetes", "name pods and workloads; auto does so in a pod or with --kubeconfig")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "reach the API server by this `file`, and not as a pod")
	flags.StringVar(&f.node, "node", "", "`name` of this node in Kubernetes and in events (default: the host's name)")
	return flags
}

func (f *agentFlags) serverFlags() *pflag.FlagSet {
	flags := newFlagGroup()
	f.auth = session.Choice{Allowed: []string{"auto", "token", "tokenreview", "none"}, Value: "auto"}
	flags.StringVar(&f.listen, "listen", defaultListen, "`address` of metrics, health and stream")
	flags.Var(&f.auth, "auth", "who may read events: auto asks for a token where others than this host can connect")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with the bearer token for --auth token; read again when it changes")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "serve HTTPS with the certificates of this PEM `file`; read again when it changes")
	flags.StringVar(&f.tlsKey, "tls-key", "", "the key to it, a PEM `file`")
	flags.BoolVar(&f.pprof, "pprof", false, "serve Go's profiles, too: to those who may read events")
	flags.StringSliceVar(&f.labels, "metrics-labels", nil, "the only `labels` that failures are counted by (default: all)")
	flags.IntVar(&f.series, "metrics-max-series", defaultSeries, "`number` of series at most; what is beyond is counted as ~other")
	return flags
}

func (f *agentFlags) historyFlags() *pflag.FlagSet {
	flags := newFlagGroup()
	flags.IntVar(&f.historyEvents, "history-events", defaultEvents, "`number` of events that are kept for --since")
	flags.Int64Var(&f.historyBytes, "history-bytes", defaultBytes, "`bytes` that they take at most")
	flags.StringVar(&f.historyDir, "history-dir", "", "keep them in this `directory`, too, across restarts")
	return flags
}

func (f *agentFlags) otlpFlags() *pflag.FlagSet {
	flags := newFlagGroup()
	flags.StringVar(&f.otlpEndpoint, "otlp-endpoint", "", "send events as logs, and metrics, to this OTLP/HTTP `URL`")
	flags.StringVar(&f.otlpHeaders, "otlp-headers-file", "", "with the headers of this `file`, a \"name: value\" on each line")
	flags.BoolVar(&f.otlpInsecure, "otlp-insecure", false, "send in clear where --otlp-endpoint names no scheme")
	return flags
}

func (f *agentFlags) tracerFlags(w *world) *pflag.FlagSet {
	flags := newFlagGroup()
	f.capture = session.Choice{Value: string(tracer.CaptureAll)}
	for _, c := range tracer.Captures {
		f.capture.Allowed = append(f.capture.Allowed, string(c))
	}
	flags.Var(&f.capture, "capture", "look at the first bytes of every connection, or only of containers that are new or suspect, or of none")
	flags.DurationVar(&f.tracer.Hold, "capture-hold", tracer.DefaultHold, "adaptive looks at a container for so long, and longer while handshakes fail there")
	flags.IntVar(&f.tracer.MaxInDepth, "capture-max", tracer.DefaultMaxInDepth, "`number` of containers that adaptive looks at at a time")
	flags.StringSliceVar(&f.tracer.InDepth, "capture-cgroup", nil, "adaptive always looks at these cgroup v2 `directories`")
	flags.StringVar(&f.tracer.Cgroup, "cgroup", "", "trace this cgroup v2 `directory` instead of the whole machine")
	flags.StringVar(&f.proc, "proc", w.proc, "`directory` of the host's procfs")
	flags.IntVar(&f.tracer.RingBytes, "ring-bytes", tracer.DefaultRingBytes, "size of the buffer between kernel and tlstrace, in `bytes`")
	flags.IntVar(&f.tracer.MaxInflight, "max-inflight", tracer.DefaultMaxInflight, "`number` of handshakes that are followed at a time")
	flags.IntVar(&f.tracer.AlikePerSecond, "alike-per-second", tracer.DefaultAlikePerSecond, alikeUsage)
	flags.BoolVar(&f.tracer.NoLibraries, "no-libraries", false, "leave TLS libraries alone: no reason but what the wire tells")
	flags.StringVar(&f.proxyLogs, "proxy-logs", "", "where a reason is missing, look for it in the logs of this node's proxies in this `directory`: /var/log/pods")
	flags.BoolVar(&f.tracer.GetError, "get-error", false, "also watch SSL_get_error, which programs call on every empty read")
	flags.DurationVar(&f.shutdownTimeout, "shutdown-timeout", defaultShutdown, "write out what was read for this long at most when told to stop")
	return flags
}

// settle checks the settings, and says where in the file a wrong one is.
func (f *agentFlags) settle(cmd *cobra.Command, args []string) error {
	f.config = configPath(cmd)
	err := f.check()
	if err == nil || f.config == "" {
		return err
	}
	file, unread := readConfig(cmd)
	if unread != nil {
		return err
	}
	return located(err, file, args)
}

// check refuses settings that make no sense, or none together.
func (f *agentFlags) check() error {
	if _, err := f.wanted(); err != nil {
		return err
	}
	return cmp.Or(f.checkServer(), f.checkBounds(), f.checkCapture(), f.checkProxyLogs(), checkTracer(f.tracer))
}

func (f *agentFlags) checkCapture() error {
	adaptive := f.capture.Value == string(tracer.CaptureAdaptive)
	switch {
	case f.tracer.Hold < time.Second || f.tracer.Hold > maxHold:
		return fmt.Errorf("--capture-hold %s: must be from 1s to %s", f.tracer.Hold, maxHold)
	case f.tracer.MaxInDepth < 1 || f.tracer.MaxInDepth > tracer.MostInDepth:
		return fmt.Errorf("--capture-max %d: must be from 1 to %d", f.tracer.MaxInDepth, tracer.MostInDepth)
	case len(f.tracer.InDepth) > f.tracer.MaxInDepth:
		return fmt.Errorf("--capture-cgroup names %d directories, --capture-max allows for %d", len(f.tracer.InDepth), f.tracer.MaxInDepth)
	case len(f.tracer.InDepth) > 0 && !adaptive:
		return fmt.Errorf("--capture-cgroup is for --capture adaptive, not %s", f.capture.Value)
	case f.logEvents.Value == "all" && f.capture.Value != string(tracer.CaptureAll):
		return fmt.Errorf("--log-events all tells what succeeded, which --capture %s does not see: give one of them", f.capture.Value)
	}
	return nil
}

// wanted is what is logged, kept and streamed.
func (f *agentFlags) wanted() (sink.Filter, error) {
	wanted, err := f.filter.Build()
	wanted.All = f.logEvents.Value == "all"
	return wanted, err
}

func (f *agentFlags) checkServer() error {
	_, port, err := net.SplitHostPort(f.listen)
	if number, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || number > 65535 {
		return fmt.Errorf("--listen %q: must be an address and a port, as in %s or :9499", sink.Escape(f.listen, 100), defaultListen)
	}
	switch {
	case f.auth.Value == "token" && f.tokenFile == "":
		return errors.New("--auth token: name the file with the token by --token-file")
	case f.auth.Value == "tokenreview" && f.kubernetes.Value == "off":
		return errors.New("--auth tokenreview asks Kubernetes, which --kubernetes off leaves alone: give one of them")
	case (f.tlsCert == "") != (f.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key: give both or none")
	case f.kubernetes.Value == "off" && f.kubeconfig != "":
		return errors.New("--kubeconfig says how to reach Kubernetes, --kubernetes off not to: give one of them")
	}
	return nil
}

func (f *agentFlags) checkBounds() error {
	switch {
	case f.fold < 0 || f.fold > maxFold:
		return fmt.Errorf("--fold %s: must be from 0 to %s", f.fold, maxFold)
	case f.shutdownTimeout <= 0:
		return fmt.Errorf("--shutdown-timeout %s: must be positive", f.shutdownTimeout)
	case f.historyEvents < 1 || f.historyEvents > maxHistory:
		return fmt.Errorf("--history-events %d: must be from 1 to %d", f.historyEvents, maxHistory)
	case f.historyBytes < 1 || f.historyBytes > maxHistoryBytes:
		return fmt.Errorf("--history-bytes %d: must be from 1 to %d", f.historyBytes, int64(maxHistoryBytes))
	case f.series < metrics.MinMaxSeries || f.series > maxSeries:
		return fmt.Errorf("--metrics-max-series %d: must be from %d to %d", f.series, metrics.MinMaxSeries, maxSeries)
	case f.otlpEndpoint == "" && f.otlpHeaders != "":
		return errors.New("--otlp-headers-file is for --otlp-endpoint: give both or none")
	}
	return nil
}
