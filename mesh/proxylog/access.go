package proxylog

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// access is what an access log says of one request or connection, as far as it matters here.
type access [fields]string

// field indexes the values of a log line that are of use.
type field int

const (
	fieldNone field = iota
	fieldStart
	fieldDuration
	fieldFlags
	fieldDetails
	fieldTermination
	fieldUpstreamReason
	fieldDownstreamReason
	fieldUpstreamHost
	fieldUpstreamLocal
	fieldDownstreamLocal
	fieldDownstreamRemote
	fieldCluster
	fieldSNI
	fieldDownstreamPeer
	fieldDownstreamOwn
	fieldUpstreamPeer
	fieldUpstreamOwn
	fieldDownstreamTLS
	fieldUpstreamTLS
	fields
)

// fieldNames maps command operators, and the keys of JSON logs that are named after them, to fields. Both are compared in lower case
// and without separators. The names that logs in use have given these keys are from Istio's default, Envoy Gateway's default and
// Envoy's documentation. It is read only.
var fieldNames = map[string]field{
	"starttime": fieldStart, "timestamp": fieldStart, "time": fieldStart,
	"duration":                         fieldDuration,
	"responseflags":                    fieldFlags,
	"responsecodedetails":              fieldDetails,
	"connectionterminationdetails":     fieldTermination,
	"upstreamtransportfailurereason":   fieldUpstreamReason,
	"downstreamtransportfailurereason": fieldDownstreamReason,
	"upstreamhost":                     fieldUpstreamHost, "upstreamremoteaddress": fieldUpstreamHost,
	"upstreamlocaladdress":    fieldUpstreamLocal,
	"downstreamlocaladdress":  fieldDownstreamLocal,
	"downstreamremoteaddress": fieldDownstreamRemote, "downstreamdirectremoteaddress": fieldDownstreamRemote,
	"upstreamcluster": fieldCluster, "upstreamclusterraw": fieldCluster,
	"requestedservername":  fieldSNI,
	"downstreampeerurisan": fieldDownstreamPeer, "downstreampeerprincipal": fieldDownstreamPeer,
	"downstreamlocalurisan": fieldDownstreamOwn, "downstreamlocalprincipal": fieldDownstreamOwn,
	"upstreampeerurisan": fieldUpstreamPeer, "upstreampeerprincipal": fieldUpstreamPeer,
	"upstreamlocalurisan": fieldUpstreamOwn, "upstreamlocalprincipal": fieldUpstreamOwn,
	"downstreamtlsversion": fieldDownstreamTLS,
	"upstreamtlsversion":   fieldUpstreamTLS,
}

// plainName is a name without what writers of formats vary.
var plainName = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

func fieldOf(name string) field { return fieldNames[strings.ToLower(plainName.Replace(name))] }

// set keeps the first value of a field that is one: several keys may stand for it.
func (a *access) set(f field, value string) {
	if f != fieldNone && (a[f] == "" || a[f] == "-") {
		a[f] = value
	}
}

// failure finds the proxy's words about a handshake that failed, and on which side of it the proxy was: server to its downstream, client to
// its upstream. Flags count for nothing without words: UF, URX or UC are said of any connection.
func (a *access) failure() (failure, bool) {
	if w, ok := parseWords(a[fieldDownstreamReason]); ok {
		return failure{words: w, side: event.Server}, true
	}
	w, ok := parseWords(a[fieldUpstreamReason])
	for _, detail := range []field{fieldDetails, fieldTermination} {
		if ok {
			break
		}
		w, ok = findWords(a[detail])
	}
	if ok {
		f := failure{words: w, side: event.Client, established: a.wasEstablished()}
		return f, !f.afterHandshake()
	}
	if a[fieldDetails] == noFilterChain || a[fieldTermination] == noFilterChain {
		return failure{words: words{bare: noFilterChain}, side: event.Server}, true
	}
	return failure{}, false
}

// noFilterChain is Envoy's word for a connection for which its listener has no filter chain (its documentation, "Response Code
// Details"): chains are chosen by transport protocol, server name and ALPN.
const noFilterChain = "filter_chain_not_found"

// wasEstablished says that the upstream connection was usable before it broke (flag UC, "upstream connection termination").
func (a *access) wasEstablished() bool {
	for flag := range strings.SplitSeq(a[fieldFlags], ",") {
		switch flag {
		case "UF", "UpstreamConnectionFailure":
			return false
		case "UC", "UpstreamConnectionTermination":
			return true
		}
	}
	return strings.Contains(a[fieldDetails], "{connection_termination")
}

// event puts the facts of a line into an event.
func (a *access) event(f failure) event.Event {
	e := f.event()
	start, known := parseTime(a[fieldStart])
	if ms, err := strconv.ParseInt(a[fieldDuration], 10, 32); known && err == nil {
		start = start.Add(time.Duration(ms) * time.Millisecond)
		if f.side == event.Server { // an upstream connection is younger than the request that it is for
			e.Duration = float64(ms) / 1000
		}
	}
	e.Time = start
	if f.side == event.Server {
		e.Client, e.Server = endpoint(a[fieldDownstreamRemote]), endpoint(a[fieldDownstreamLocal])
		mergeK8s(&e.Client, identity(a[fieldDownstreamPeer]))
		mergeK8s(&e.Server, identity(a[fieldDownstreamOwn]))
		setTLS(&e, name(a[fieldSNI]), a[fieldDownstreamTLS])
		e.Mesh = sniMesh(a[fieldSNI])
		nameService(&e)
		return e
	}
	e.Client, e.Server = endpoint(a[fieldUpstreamLocal]), endpoint(a[fieldUpstreamHost])
	mergeK8s(&e.Client, identity(a[fieldUpstreamOwn]))
	mergeK8s(&e.Server, identity(a[fieldUpstreamPeer]))
	setTLS(&e, "", a[fieldUpstreamTLS])
	e.Mesh = clusterMesh(a[fieldCluster])
	nameService(&e)
	return e
}

// nameService names the server by the service that it was taken for.
func nameService(e *event.Event) {
	if e.Mesh == nil || e.Mesh.Direction != "outbound" {
		return
	}
	switch k := service(e.Mesh.Service); {
	case k == nil:
	case e.Server.K8s == nil:
		e.Server.K8s = k
	case e.Server.K8s.Namespace == k.Namespace:
		e.Server.K8s.Service = k.Service
	}
}

// setTLS tells what is known of the hello. Envoy spells versions TLSv1.3.
func setTLS(e *event.Event, sni, version string) {
	version = strings.Replace(name(version), "TLSv", "TLS ", 1)
	if sni != "" || version != "" {
		e.TLS = &event.TLS{SNI: sni, Version: bounded(version, 16)}
	}
}

// mergeK8s adds what an identity says to an end.
func mergeK8s(end *event.Endpoint, k *event.K8s) {
	switch {
	case k == nil:
	case end.K8s == nil:
		end.K8s = k
	case end.K8s.ServiceAccount == "" && end.K8s.Namespace == k.Namespace:
		end.K8s.ServiceAccount = k.ServiceAccount
	}
}

// endpoint reads an address and port, or as much as there is of it; "-" and what is none, such as envoy://internal_client_address/,
// stay unknown.
func endpoint(s string) event.Endpoint {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return event.Endpoint{Addr: ap.Addr().Unmap().WithZone(""), Port: ap.Port()}
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return event.Endpoint{Addr: addr.Unmap().WithZone("")}
	}
	return event.Endpoint{}
}

// parseTime reads the forms in which proxies and container runtimes write a time: RFC 3339, and Envoy's own, which is UTC by default.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000", time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
