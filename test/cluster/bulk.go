package cluster

import (
	"context"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
)

// writers is the number of objects that are created at the same time. The API server gives a user of system:masters no limit
// of its own; more do not make it faster.
const writers = 32

// Workloads is Workload for many, all created at the same time. The pods come in the order of their workloads.
func (c *Cluster) Workloads(t testing.TB, workloads ...Workload) []*corev1.Pod {
	t.Helper()
	pods, err := c.createAll(t.Context(), workloads)
	must(t, err)
	return pods
}

func (c *Cluster) createAll(ctx context.Context, workloads []Workload) ([]*corev1.Pod, error) {
	planned := make([][]Pod, len(workloads))
	owners, ownersCtx := errgroup.WithContext(ctx)
	owners.SetLimit(writers)
	for i, w := range workloads {
		owners.Go(func() (err error) {
			planned[i], err = c.create(ownersCtx, w)
			return err
		})
	}
	if err := owners.Wait(); err != nil {
		return nil, err
	}
	var all []Pod
	for _, p := range planned {
		all = append(all, p...)
	}
	created := make([]*corev1.Pod, len(all))
	pods, podsCtx := errgroup.WithContext(ctx)
	pods.SetLimit(writers)
	for i, p := range all {
		pods.Go(func() (err error) {
			created[i], err = c.createPod(podsCtx, p)
			return err
		})
	}
	return created, pods.Wait()
}
