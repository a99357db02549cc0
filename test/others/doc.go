// Package others sets what people use today beside tlstrace: over the same scenarios (test/scenarios) it runs
//
//   - tshark on the loopback of a network namespace, with a filter for TLS alerts;
//   - the well-known bpftrace script, resets to or from port 443 and OpenSSL's SSL_get_error, in a virtual machine with Debian's
//     kernel 6.1, which has kprobes.
//
// Every server listens on port 443, the port that both know best. What a tool prints while a scenario is played is compared with
// the scenario's truth, in the tool's favour where it can be read in two ways. "make compare" plays them and writes
// testdata/results.json; "make bench-others" measures what the tools cost.
package others
