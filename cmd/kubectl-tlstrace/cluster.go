package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // what kubectl logs in with
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tlstrace/tlstrace/cmd/kubectl-tlstrace/fleet"
	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// How long things take that a user waits for.
const (
	joinPatience = 2 * time.Second  // for what another node tells of the same connection
	surveyEvery  = 5 * time.Second  // agents are looked for
	settleTime   = 15 * time.Second // at most, before it is said which nodes are seen
)

// clusterFlags say which cluster, as whom, which agents, and which events.
type clusterFlags struct {
	rules     *clientcmd.ClientConfigLoadingRules
	overrides clientcmd.ConfigOverrides
	filter    session.Filter
	where     fleet.Where
	way       session.Choice
	show      fleet.Show
	allSpaces bool
	labels    string
	only      url.Values // asked of agents instead of the filter
}

func (f *clusterFlags) register(cmd *cobra.Command, w *world) {
	f.rules = clientcmd.NewDefaultClientConfigLoadingRules()
	flags := cmd.Flags()
	flags.StringVar(&f.rules.ExplicitPath, "kubeconfig", "", "kubeconfig `file`")
	f.bindOverrides(flags)
	f.filter.Choose(flags)
	f.filter.Complete(cmd)
	flags.Lookup("namespace").Usage = "only with an end in this `namespace`; the default is that of the context"
	for _, ofOneNode := range []string{"pid", "comm"} {
		flags.Lookup(ofOneNode).Hidden = true
	}
	flags.BoolVarP(&f.allSpaces, "all-namespaces", "A", false, "in every namespace, and outside of them")
	flags.StringVarP(&f.labels, "selector", "l", "", "only with an end in a pod with these `labels`, as in app=payments")
	flags.BoolVar(&f.filter.All, "all", false, "show handshakes that succeeded, and noise such as probes, too, where agents keep them")
	f.filter.Since.Now = w.now
	flags.Var(&f.filter.Since, "since", "begin with what the agents keep from this `time` on, or from this long ago")
	flags.StringVar(&f.where.Node, "node", "", "ask only the agent of this `node`")
	flags.StringVar(&f.where.Namespace, "agent-namespace", "", "`namespace` of the agents; the default is all")
	flags.StringVar(&f.where.Selector, "agent-selector", fleet.Selector, "`labels` of the agents' pods")
	f.way = session.Choice{Allowed: fleet.Ways, Value: "auto"}
	flags.Var(&f.way, "via", "the way to the agents; auto takes port-forward, and else the pod proxy")
	session.CompleteSet(cmd, "via", fleet.Ways)
	flags.StringVar(&f.show.File, "token-file", "", "show agents that ask for a token the one in this `file`")
	flags.StringVar(&f.show.Account, "token-of", "", "show agents a token of this service account, `namespace/name`; the default is their own")
	flags.BoolVar(&f.show.Own, "own-token", false, "show agents the token of your kubeconfig: only if you trust every pod that says that it is one")
}

// bindOverrides adds kubectl's own flags for the cluster and the user.
func (f *clusterFlags) bindOverrides(flags *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ContextOverrideFlags.Namespace = clientcmd.FlagInfo{}
	clientcmd.BindOverrideFlags(&f.overrides, flags, names)
}

// check refuses flags that make no sense together.
func (f *clusterFlags) check(cmd *cobra.Command) error {
	given := 0
	for _, name := range []string{"token-file", "token-of", "own-token"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("--token-file, --token-of and --own-token each name a token: give one of them")
	case f.allSpaces && f.filter.Namespace != "":
		return errors.New("--namespace names one, --all-namespaces all: give one of them")
	}
	_, err := f.filter.Build()
	return err
}

// reach reads the kubeconfig.
func (f *clusterFlags) reach() (*rest.Config, *kubernetes.Clientset, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(f.rules, &f.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("which cluster: %w", err)
	}
	config.UserAgent = "kubectl-tlstrace/" + buildVersion
	if f.filter.Namespace == "" && !f.allSpaces {
		if f.filter.Namespace, _, err = loader.Namespace(); err != nil {
			return nil, nil, fmt.Errorf("which namespace: %w", err)
		}
	}
	client, err := kubernetes.NewForConfig(config)
	return config, client, err
}

// scope tells whose failures are shown.
func (f *clusterFlags) scope() string {
	if f.filter.Namespace == "" {
		return "all namespaces"
	}
	return "namespace " + sink.Escape(f.filter.Namespace, 100) + " (-A: all)"
}

// source is where events come from: the agents of the cluster, chosen by what they cannot choose themselves.
type source struct {
	*fleet.Fleet
	pods   *labelled
	names  *podNames              // nil where agents name the ends themselves
	wanted func(event.Event) bool // nil where agents choose
}

// open finds the agents and begins to read them.
func (f *clusterFlags) open(ctx context.Context, w *world, past bool) (*source, error) {
	config, client, err := f.reach()
	if err != nil {
		return nil, err
	}
	return f.openWith(ctx, w, config, client, past)
}

func (f *clusterFlags) openWith(ctx context.Context, w *world, config *rest.Config, client kubernetes.Interface, past bool) (*source, error) {
	pods, err := newLabelled(ctx, client, f.filter.Namespace, f.labels, w.now)
	if err != nil {
		return nil, err
	}
	agents, err := fleet.Open(ctx, fleet.Options{
		Config: config, Client: client, Where: f.where, Query: f.query(), Past: past, Way: f.way.Value, Show: f.show,
		Patience: joinPatience, Survey: surveyEvery, Now: w.now, Tell: w.tell.tell,
	})
	if err != nil {
		if errors.Is(err, fleet.ErrNoAgents) {
			err = fmt.Errorf("%w; docs/install.md installs them, and kubectl tlstrace watch --ad-hoc NODE needs none", err)
		}
		return nil, err
	}
	return &source{Fleet: agents, pods: pods}, nil
}

func (f *clusterFlags) query() url.Values {
	if f.only != nil {
		return f.only
	}
	return f.filter.Query()
}

// Read returns the next event that is wanted; when ctx ends, first those that wait for what another node may tell.
func (s *source) Read(ctx context.Context) (event.Event, error) { return s.choose(ctx, s.Fleet.Read) }

// Next is Read, but leaves in place what waits when ctx ends.
func (s *source) Next(ctx context.Context) (event.Event, error) { return s.choose(ctx, s.Fleet.Next) }

func (s *source) choose(ctx context.Context, read func(context.Context) (event.Event, error)) (event.Event, error) {
	for {
		e, err := read(ctx)
		if err != nil {
			return e, err
		}
		s.names.fill(ctx, &e)
		if (s.wanted == nil || s.wanted(e)) && s.pods.match(ctx, &e) {
			return e, nil
		}
	}
}
