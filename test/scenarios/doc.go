// Package scenarios holds real handshakes between programs that nobody here wrote, each with its ground truth, and the
// tests that run "tlstrace watch" over them.
//
// A [Scenario] is a failure (an expired certificate), a TLS version, a server program and a client program; healthy and noisy
// connections are scenarios like any other. What must be reported follows from how the two were set up; that it really happened so is
// proven by what they print. [All] returns them; other tests play them with a [Lab] of their own.
//
// The tests need root, the kernel features of tlstrace, and the packages that test/setup installs; without root they are skipped, in CI
// (CI=true) they fail. CI plays a slice; "make truth" plays the whole matrix and writes docs/truth.md. Environment:
//
//	TLSTRACE_FULL=1          every pair of programs and 20,000 healthy handshakes
//	TLSTRACE_WRITE_TRUTH=1   write docs/truth.md and the figures of the slice (TestTruth)
//	TLSTRACE_TRUTH=1         run the traffic and check its proof only, without the tracer
//	TLSTRACE_BIN=FILE        trace with this binary; the default is to build cmd/tlstrace
//	TLSTRACE_CGROUP=DIR      trace only what is in this cgroup, where others use the machine
//	TLSTRACE_GOPEER=FILE     the Go end of the scenarios, where there is no Go; the default is to build gopeer
package scenarios
