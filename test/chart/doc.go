// Package chart tests the Helm chart, the plain manifests that are rendered from it, the capabilities that it asks for, and the
// image: with Helm itself, a real API server, this machine's kernel and an ordinary container runtime.
//
// What is generated (the chart's README, its copies of alerts and dashboards, deploy/manifests) is compared, and written by
//
//	go test ./test/chart -update
package chart
