// Package libraries checks what tlstrace learns from the TLS libraries themselves: each library as it is shipped, each failure,
// on both sides of the connection.
//
// A row is a program that uses the library, a failure, a TLS version and the side that the program is on; its peer is the
// machine's own OpenSSL. That the handshake really failed in this way is proven by what the programs print. The table that
// users read, docs/libraries.md, is written by the test that checks it.
//
// The tests need root, the kernel features of tlstrace, the packages that test/setup installs, and the network once: OpenSSL of other
// Debian suites and Bun are kept in a cache directory. Without root they are skipped, in CI (CI=true) they fail. Environment:
//
//	TLSTRACE_FULL=1        20,000 healthy handshakes instead of 2,000
//	TLSTRACE_TRUTH=1       run the traffic and check its proof only, without the tracer
//	TLSTRACE_CACHE=DIR     where downloads are kept; the default is tlstrace in the user's cache directory
//
// TestTable -update writes docs/libraries.md; else the test fails if the page says something else.
package libraries
