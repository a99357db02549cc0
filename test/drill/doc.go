// Package drill runs tlstrace drill against a real agent and a real Prometheus.
package drill
