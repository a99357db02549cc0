// Package agent tests `tlstrace agent` as it runs on a node: the program itself on this machine's kernel, with handshakes that fail
// between real sockets in cgroups and network namespaces of the test, and with a real API server (package cluster) to name them.
//
// The tests need root. What fails in them is seen by them alone: the agent traces one cgroup, whose children the peers run in. The peers
// are this test's own binary (see peer_test.go).
package agent
