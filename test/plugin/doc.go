// Package plugin tries kubectl tlstrace on a real API server, with three real agents in network namespaces that stand for nodes, and the
// kubelet's own streaming server for port-forward. All of it runs in a network namespace of the test's own.
package plugin
