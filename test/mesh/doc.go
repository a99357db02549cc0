// Package mesh runs service meshes without a mesh: network namespaces as pods, the redirects that Istio sets in them, sidecars with
// mutual TLS between them, and "tlstrace watch" over all of it. What it must say follows from how each mesh was set up.
//
// A sidecar is nginx, or this test's own binary, which reads the address that was dialed back from the kernel as Envoy does. The
// tests need root, a kernel that tells of refused SYNs (Linux 6.10), nftables, iproute2, nginx and curl; without root they are skipped, in
// CI (CI=true) they fail. Environment:
//
//	TLSTRACE_BIN=FILE      trace with this binary; the default is to build cmd/tlstrace
//
// The commands of docs/incident.md are run here, too: with -update its output is written anew.
//
// Not here: nginx that refuses the other sidecar's certificate, because it does so after a handshake that succeeded (as a client it closes, as a
// server it answers HTTP 400); nginx that answers plaintext with HTTP 400 behind a redirect, which looks like PERMISSIVE letting it in; and
// the SPIFFE identity of a certificate in clear (TLS 1.2), which an event has no field for.
package mesh
