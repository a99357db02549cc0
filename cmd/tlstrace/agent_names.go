package main

import (
	"context"
	"log/slog"

	"k8s.io/client-go/kubernetes"

	"github.com/tlstrace/tlstrace/enrich"
	"github.com/tlstrace/tlstrace/enrich/kube"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink/metrics"
	"github.com/tlstrace/tlstrace/tracer"
)

// shortID is how much of a container's id is shown, as docker ps does.
const shortID = 12

// namer gives names to both ends of an event: the process, and the pod, or where there is no cluster the container.
type namer struct {
	processes *enrich.Processes
	// hostProcesses: the kernel's numbers of processes are those of procfs here, and not of others.
	hostProcesses bool
	containers    *enrich.Containers
	client        kubernetes.Interface // nil without a cluster
	kube          *kube.Names          // nil without a cluster
}

// openNames prepares names. Nothing is asked yet.
func openNames(w *world, f *agentFlags, node, version string, log *slog.Logger) (*namer, error) {
	n := &namer{
		processes:     enrich.NewProcesses(f.proc, w.now),
		hostProcesses: tracer.HostProcesses(f.proc),
		containers:    enrich.NewContainers(w.cgroups, f.proc, w.now),
	}
	client, err := connect(f, version, log)
	if client == nil || err != nil {
		return n, err
	}
	n.client = client
	n.kube = kube.New(kube.Options{Client: client, Node: node, Containers: n.containers, Now: w.now, Logger: log})
	return n, nil
}

// run keeps the names of Kubernetes up to date until ctx is done.
func (n *namer) run(ctx context.Context) {
	if n.kube != nil {
		_ = n.kube.Run(ctx) // it ends for no other reason
	}
}

// synced is what readiness asks, or nil without a cluster.
func (n *namer) synced() func() bool {
	if n.kube == nil {
		return nil
	}
	return n.kube.Synced
}

// fill names both ends.
func (n *namer) fill(ctx context.Context, e *event.Event) {
	if n.hostProcesses {
		n.processes.Fill(e)
	}
	if n.kube != nil {
		n.kube.Fill(ctx, e)
		return
	}
	for _, end := range []*event.Endpoint{&e.Client, &e.Server} {
		n.contain(end, e)
	}
}

// contain names the container of an end on a host without a cluster, by its id.
func (n *namer) contain(end *event.Endpoint, e *event.Event) {
	pid := 0
	if end.Process != nil && n.hostProcesses {
		pid = end.Process.PID
	}
	if end.K8s != nil || pid == 0 && end.Cgroup == 0 {
		return
	}
	if c, err := n.containers.Of(end.Cgroup, pid, e.Time); err == nil && len(c.ID) >= shortID {
		end.K8s = &event.K8s{Container: c.ID[:shortID]}
	}
}

// sources adds to what the metrics ask.
func (n *namer) sources(s *metrics.Sources) {
	if n.kube == nil {
		return
	}
	s.Name = func(cgroup uint64) (namespace, workload string) { return metrics.NameOf(n.kube.OfCgroup(cgroup)) }
	s.Workloads = n.workloads
	s.Requests = n.requests
	s.Lookups = n.lookups
}

func (n *namer) workloads() []metrics.Workload {
	var all []metrics.Workload
	for _, w := range n.kube.Workloads() {
		all = append(all, metrics.Workload{Namespace: w.Namespace, Name: w.Workload})
	}
	return all
}

func (n *namer) requests() map[metrics.Request]uint64 {
	all := map[metrics.Request]uint64{}
	for r, count := range n.kube.Stats().Requests {
		all[metrics.Request{Kind: r.Kind, Result: r.Result}] = count
	}
	return all
}

func (n *namer) lookups() map[string]uint64 {
	s := n.kube.Stats()
	return map[string]uint64{"answered": s.Answered, "asked": s.Asked, "late": s.Late, "refused": s.Refused}
}
