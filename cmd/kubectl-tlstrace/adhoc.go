package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/tlstrace/tlstrace/cmd/kubectl-tlstrace/fleet"
	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// adHocFlags say where an agent is started for as long as watch runs.
type adHocFlags struct {
	node, namespace, image string
	deadline, patience     time.Duration
	dryRun                 bool
}

func (f *adHocFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.node, "ad-hoc", "", "start an agent on this `node`, in a privileged pod that is removed at the end")
	flags.StringVar(&f.namespace, "ad-hoc-namespace", "kube-system", "`namespace` for that pod; it must allow privileged pods")
	flags.StringVar(&f.image, "ad-hoc-image", defaultImage(), "`image` for that pod")
	flags.DurationVar(&f.deadline, "ad-hoc-deadline", time.Hour, "the kubelet ends that pod after this long, whatever happened to watch")
	flags.DurationVar(&f.patience, "ad-hoc-patience", 2*time.Minute, "how long that pod may take to start")
	flags.BoolVar(&f.dryRun, "dry-run", false, "with --ad-hoc: show the pod, and start nothing")
}

// defaultImage is that of this version.
func defaultImage() string {
	tag := buildVersion
	if tag == "dev" {
		tag = "latest"
	}
	return "ghcr.io/tlstrace/tlstrace:" + tag
}

func (f *adHocFlags) check(cmd *cobra.Command) error {
	if f.node == "" {
		for _, name := range []string{"dry-run", "ad-hoc-namespace", "ad-hoc-image", "ad-hoc-deadline", "ad-hoc-patience"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s goes with --ad-hoc NODE", name)
			}
		}
		return nil
	}
	if f.deadline < time.Second || f.patience < time.Second {
		return errors.New("--ad-hoc-deadline and --ad-hoc-patience must be a second at least")
	}
	for _, name := range []string{"node", "agent-namespace", "agent-selector", "via", "token-file", "token-of", "own-token"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is about agents that run: it does not go with --ad-hoc", name)
		}
	}
	return nil
}

// watch starts the pod, follows it, and removes it.
func (f *adHocFlags) watch(ctx context.Context, w *world, flags *watchFlags) (err error) {
	if f.dryRun {
		text, err := yaml.Marshal(f.pod(f.namespace))
		if err == nil {
			_, err = w.stdout.Write(text)
		}
		return err
	}
	config, client, err := flags.cluster.reach()
	if err != nil {
		return err
	}
	pod, err := client.CoreV1().Pods(f.namespace).Create(ctx, f.pod(f.namespace), metav1.CreateOptions{})
	if err != nil {
		return adHocRefused("an ad hoc agent takes create on pods", err)
	}
	w.tell.tell(fmt.Sprintf("started %s/%s on node %s; it is removed at the end, or ended after %s", pod.Namespace, pod.Name, f.node, f.deadline))
	defer func() { err = errors.Join(err, f.remove(client, pod, w)) }()
	if err := f.await(ctx, client, pod); err != nil {
		return err
	}
	names, err := newNames(ctx, client, w.now)
	if err != nil {
		w.tell.tell("pods are not named: " + err.Error())
	}
	flags.cluster.where = fleet.Where{Namespace: pod.Namespace, Selector: "app.kubernetes.io/name=" + adHocName, Node: f.node}
	flags.cluster.way.Value = fleet.PortForward
	events, err := flags.cluster.openNamed(ctx, w, config, client, names)
	if err != nil {
		return err
	}
	return flags.watch(ctx, w, events)
}

// adHocRefused says what a namespace has to allow.
func adHocRefused(doing string, err error) error {
	if apierrors.IsForbidden(err) {
		return &fleet.ErrNotAllowed{Doing: doing, Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// await returns when the pod runs.
func (f *adHocFlags) await(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	patient, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	for {
		now, err := client.CoreV1().Pods(pod.Namespace).Get(patient, pod.Name, metav1.GetOptions{})
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted before the agent ran")
		case patient.Err() != nil:
			return fmt.Errorf("the ad hoc agent does not run after %s: kubectl -n %s describe pod %s says why (--ad-hoc-patience)", f.patience, pod.Namespace, pod.Name)
		case apierrors.IsForbidden(err):
			return adHocRefused("waiting for the ad hoc agent takes get on pods", err)
		case err != nil:
			return fmt.Errorf("waiting for the ad hoc agent: %w", err)
		case now.Status.Phase == corev1.PodFailed || now.Status.Phase == corev1.PodSucceeded:
			return fmt.Errorf("the ad hoc agent ended: %s", sink.Escape(ending(now), 400))
		case now.Status.Phase == corev1.PodRunning:
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-patient.Done():
		}
	}
}

// ending is why a pod ended.
func ending(pod *corev1.Pod) string {
	text := cmp.Or(pod.Status.Message, pod.Status.Reason, string(pod.Status.Phase))
	for _, c := range pod.Status.ContainerStatuses {
		if t := c.State.Terminated; t != nil {
			text += fmt.Sprintf("; exit code %d %s", t.ExitCode, cmp.Or(t.Message, t.Reason))
		}
	}
	return text
}

// remove deletes the pod, also when the user has interrupted.
func (f *adHocFlags) remove(client kubernetes.Interface, pod *corev1.Pod, w *world) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err := client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s/%s is left, and ends in %s at most; kubectl -n %[1]s delete pod %[2]s removes it: %[4]w", pod.Namespace, pod.Name, f.deadline, err)
	}
	w.tell.tell(fmt.Sprintf("removed %s/%s", pod.Namespace, pod.Name))
	return nil
}

// openNamed opens agents that know no names: these are given here, and so the events are chosen here, too.
func (f *clusterFlags) openNamed(ctx context.Context, w *world, config *rest.Config, client kubernetes.Interface, names *podNames) (*source, error) {
	wanted, err := f.filter.Build()
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if f.filter.All {
		query.Set("all", "true")
	}
	f.only = query
	events, err := f.openWith(ctx, w, config, client, false)
	if err != nil {
		return nil, err
	}
	events.names = names
	events.wanted = func(e event.Event) bool { return wanted.Match(e) }
	return events, nil
}
