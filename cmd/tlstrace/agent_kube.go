package main

import (
	"errors"
	"fmt"
	"log/slog"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tlstrace/tlstrace/enrich/kube"
)

// errNoCluster says that Kubernetes was asked for where there is none.
var errNoCluster = errors.New("this is no pod of a cluster: give --kubeconfig")

// connect returns a client for the API server, or nil where names of Kubernetes are not wanted or there is no cluster.
// It sends nothing yet.
func connect(f *agentFlags, version string, log *slog.Logger) (kubernetes.Interface, error) {
	config, err := clusterConfig(f, log)
	if config == nil || err != nil {
		return nil, err
	}
	client, err := kube.NewClient(config, "tlstrace-agent/"+version)
	if err != nil {
		return nil, fmt.Errorf("--kubernetes: %w", err)
	}
	return client, nil
}

// clusterConfig says how to reach the API server, or nil where that is not wanted or there is none.
func clusterConfig(f *agentFlags, log *slog.Logger) (*rest.Config, error) {
	switch {
	case f.kubernetes.Value == "off":
		return nil, nil
	case f.kubeconfig != "":
		config, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("--kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	switch {
	case err == nil:
		return config, nil
	case f.kubernetes.Value == "on" && errors.Is(err, rest.ErrNotInCluster):
		return nil, fmt.Errorf("--kubernetes on: %w", errNoCluster)
	case f.kubernetes.Value == "on":
		return nil, fmt.Errorf("--kubernetes on: %w", err)
	case errors.Is(err, rest.ErrNotInCluster):
		return nil, nil
	}
	log.Warn("no names of Kubernetes: this pod has no usable service account; --kubernetes off says that this is meant", "error", err.Error())
	return nil, nil
}
