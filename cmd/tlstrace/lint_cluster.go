package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tlstrace/tlstrace/mesh/lint"
)

// clusterFlags say which cluster is read, and how much of it. They are kubectl's.
type clusterFlags struct {
	kubeconfig string
	context    string
	namespace  string
	all        bool

	current string // the namespace in force: that of the flag, or of the context
	scope   string // what is read: current, or "" for all
}

func (c *clusterFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig `file`, instead of $KUBECONFIG or ~/.kube/config")
	flags.StringVar(&c.context, "context", "", "`context` of the kubeconfig, instead of the current one")
	flags.StringVarP(&c.namespace, "namespace", "n", "", "check this `namespace` of the cluster; of files, the one of objects that name none")
	flags.BoolVarP(&c.all, "all-namespaces", "A", false, "check all namespaces of the cluster")
}

// named says that a cluster was named.
func (c *clusterFlags) named() bool { return c.context != "" || c.all }

func (c *clusterFlags) check() error {
	if c.all && c.namespace != "" {
		return errors.New("--all-namespaces and --namespace contradict each other: give one of them")
	}
	return nil
}

// What lint may ask of the API server: it lists some twenty kinds, in pages, once.
const (
	lintQPS   = 50
	lintBurst = 100
)

// read reads the cluster.
func (c *clusterFlags) read(ctx context.Context, root string) (*lint.Set, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, c.explain(err)
	}
	current, _, err := loader.Namespace()
	if err != nil {
		return nil, c.explain(err)
	}
	c.current = cmp.Or(c.namespace, current)
	if !c.all {
		c.scope = c.current
	}
	config.UserAgent = "tlstrace-lint/" + buildVersion
	config.QPS, config.Burst = lintQPS, lintBurst
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster: %w", err)
	}
	live := lint.Live{Client: client.RESTClient(), Namespace: c.scope, RootNamespace: root}
	return live.Read(ctx)
}

// explain says what to do where there is no cluster to read.
func (c *clusterFlags) explain(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return errors.New("no files were given, and there is no cluster: give -f FILE, or --kubeconfig")
	}
	return fmt.Errorf("reading the kubeconfig: %w", err)
}
