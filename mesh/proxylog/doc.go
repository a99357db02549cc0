// Package proxylog reads the logs that the proxies of a mesh have already written, and makes events of the TLS handshakes that failed
// by their account: access logs of Envoy (Istio's and Envoy's own default format, any other format string, JSON), the connection
// logs of Envoy at debug level, ztunnel's, and what istiod and the Istio agent say of their own TLS connections. Lines may be
// wrapped by a container runtime (CRI or Docker's json-file), rotated and compressed.
//
// A failure is one only by the proxy's own words in the place where the proxy writes them: a line that merely contains them, such
// as a URL, is none. A line that has such words in a shape that is not known is counted ([Stats.Unknown]), never guessed at. What is not
// TLS is not told at all. The facts go into an [event.Event], observed from [event.FromLog]; verdict.JudgeLog judges them.
//
// Nothing here is trusted: lines are bounded by [MaxLine], what is remembered of connections by maxConnections, and every string that
// gets into an event by maxWords.
package proxylog
