// Package lint says whether mutual TLS will work with an Istio configuration, before a handshake fails.
//
// Manifests, a live cluster, or both are read into a [World] of typed, indexed objects; the [Check] functions of [Checks] look at
// it and report a [Finding] each time something will break a handshake or weaken it. The package reads only: it changes no object,
// opens no connection but to the API server that it is handed, and never shows the content of a Secret.
//
// What the objects say is judged by Istio's documented rules. Where the answer depends on an object that was not read (a file is
// rarely the whole cluster) a check says nothing rather than guess: see [World.Complete].
package lint

import "time"

// The defaults of [Options], as Istio installs itself.
const (
	DefaultExpiry        = 30 * 24 * time.Hour
	DefaultTrustDomain   = "cluster.local"
	DefaultRootNamespace = "istio-system"
	DefaultClusterDomain = "cluster.local"
)

// Options say what a configuration is judged by.
type Options struct {
	// IstioVersion is the version that every sidecar is expected to have ("1.29.1", or "1.29" for any patch of it). Empty expects that
	// of the control plane, if one was read.
	IstioVersion string
	// Expiry is how long before a certificate expires it is reported. Zero takes [DefaultExpiry].
	Expiry time.Duration
	// Now is the time that validity is judged at. It must be set.
	Now time.Time
	// TrustDomain is that of the mesh; empty takes it from the mesh configuration, else [DefaultTrustDomain].
	TrustDomain string
	// RootNamespace is where policies hold for the whole mesh; empty takes it from the mesh configuration, else [DefaultRootNamespace].
	RootNamespace string
	// Namespace limits findings about live objects to those of one namespace; "" takes all.
	Namespace string
}

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	if o.Expiry <= 0 {
		o.Expiry = DefaultExpiry
	}
	return o
}
