// Package scenarios holds real handshakes between programs that nobody here wrote, each with its ground truth, and the
// tests that run "tlstrace watch" over them.
//
// A scenario is a failure (an expired certificate), a TLS version, a server program and a client program. What must be
// reported follows from how the two were set up; that they really failed in this way is proven by what they print.
//
// The tests need root, the kernel features of tlstrace, and openssl, nginx, gnutls-bin, curl, python3, node and redis; without
// root they are skipped, in CI (CI=true) they fail. Environment:
//
//	TLSTRACE_FULL=1        every pair of programs and 20,000 healthy handshakes
//	TLSTRACE_TRUTH=1       run the traffic and check its proof only, without the tracer
//	TLSTRACE_BIN=FILE      trace with this binary; the default is to build cmd/tlstrace
package scenarios
