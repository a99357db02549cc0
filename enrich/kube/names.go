// Package kube names the ends of an event in Kubernetes: pods, their containers and workloads, services and nodes.
//
// # What it asks the API server
//
// It has to stay cheap when everything fails at once on thousands of nodes, because a CA expired:
//   - The pods of this node are listed once and watched (field selector spec.nodeName), and so are all services, which every
//     kube-proxy does too. Only what names need is kept of them.
//   - Other addresses are asked for when an event has them, one by one (field selector status.podIP), the answers remembered,
//     a failed search too. That, and everything below, stays under Options.QPS requests a second together.
//   - If many addresses are waiting, all pods are listed once in pages instead, if the first page says that this takes fewer
//     requests by far. In a large cluster it does not, and the addresses are asked for one by one.
//   - A remembered pod is asked for again by name, which is cheaper for the server than the search, after 5 seconds at first
//     and then less and less often, at most every minute, with half of the requests. While there is no room for that it goes on
//     being named for up to 5 minutes, and while the API server does not answer, for an hour.
//   - The ReplicaSet or Job of a pod is asked for if the pod's labels do not tell what owns it. The EndpointSlices of a
//     namespace are listed if one of its pods is the server of an event. Nodes are listed, up to 500, if an address is no pod's.
//
// On an error it waits, longer each time; 429 says for how long; 403 stops the questions of one kind for five minutes.
// Events never wait longer than Options.Wait: what is not known by then stays absent.
//
// # What it may need (RBAC, a ClusterRole)
//
//	""                 pods            get, list, watch
//	""                 services        list, watch
//	""                 nodes           list
//	discovery.k8s.io   endpointslices  list
//	apps               replicasets     get
//	batch              jobs            get
//
// Whatever is not granted is not named; the rest is.
//
// # Whom it names
//
// The time of the event decides. A pod is named only if it had the address then: not if it was created later, nor if it had ended.
// If two may have had it, neither is named. The exception is a pod elsewhere whose address passes to another one while the answer about
// it is remembered (see above): events of the next seconds, under a flood minutes, may get the name of the first.
// Strings of the API server are cut to what a name may have.
//
// The API server searches for the first address of a pod only. The second one of a dual-stack pod is named if the pod is of this node,
// or was found by its first address or in the list of all.
package kube

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/tlstrace/tlstrace/enrich"
)

// Options of [New]. Client, Node and Containers are required.
type Options struct {
	// Client should have no rate limit of its own, and protobuf: see [NewClient]. A fake clientset serves the watches alone.
	Client     kubernetes.Interface
	Node       string // spec.nodeName of the pods of this node
	Containers *enrich.Containers
	Now        func() time.Time // the wall clock; time.Now
	Logger     *slog.Logger     // what happened to the API server; nothing per event. Default: none
	QPS        float64          // requests a second in the long run, the watches apart; 5
	Burst      int              // requests at once after a quiet time; 20
	Wait       time.Duration    // the longest that an event waits for answers; 30 ms
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.QPS <= 0 {
		o.QPS = 5
	}
	if o.Burst <= 0 {
		o.Burst = 20
	}
	if o.Wait <= 0 {
		o.Wait = 30 * time.Millisecond
	}
	return o
}

// Names names the ends of events. It is safe for many goroutines.
type Names struct {
	options  Options
	pods     *nodePods
	services *services
	remote   *addresses
	owners   *owners
	slices   *endpointSlices
	nodes    *nodes
	asker    *asker
	counts   *counts
	sweeper  sweeper
}

// New prepares names; nothing is asked before [Names.Run].
func New(o Options) *Names {
	o = o.withDefaults()
	n := &Names{
		options:  o,
		pods:     newNodePods(o.Now),
		services: newServices(),
		remote:   newAddresses(o.Now),
		owners:   newOwners(o.Now),
		slices:   newEndpointSlices(o.Now),
		nodes:    newNodes(o.Now),
		counts:   newCounts(),
	}
	n.asker = newAsker(o, n.counts)
	return n
}

// Run keeps the names up to date and answers what events ask, until ctx is done; it returns when all of that has ended.
// Its error is always that of ctx: an API server that is away is waited for.
func (n *Names) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, work := range []func(context.Context){n.watchPods, n.watchServices} {
		running.Go(func() { work(ctx) })
	}
	for range askers {
		running.Go(func() { n.asker.work(ctx, n.answer) })
	}
	running.Wait()
	return ctx.Err()
}

// Synced says whether the pods of this node are known. It stays true when the API server goes away.
func (n *Names) Synced() bool { return n.pods.isSynced() }

// Workload is what a pod's controller is to its users.
type Workload struct {
	Namespace string
	Workload  string // its name, as in event.K8s
	Kind      string // Deployment, StatefulSet, DaemonSet, Job, CronJob, Rollout, ...; Pod for one without a controller
}

// Workloads lists the workloads that have pods on this node now, as far as they are known.
func (n *Names) Workloads() []Workload {
	seen := map[Workload]bool{}
	var all []Workload
	for _, p := range n.pods.living() {
		name, kind := n.workload(p)
		w := Workload{Namespace: p.namespace.Value(), Workload: name, Kind: kind}
		if name != "" && !seen[w] {
			seen[w] = true
			all = append(all, w)
		}
	}
	return all
}

// workload tells the workload of a pod, or "" if that has to be asked for.
func (n *Names) workload(p *pod) (name, kind string) {
	if p.owner == (ownerKey{}) {
		return p.workload.Value(), p.kind.Value()
	}
	known, _ := n.owners.get(p.owner)
	return known.name, known.kind
}
