package lint

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"istio.io/api/networking/v1alpha3"
)

// credentialUse is one server's use of a Secret.
type credentialUse struct {
	object  Meta
	field   string   // that names the Secret
	name    string   // of the Secret
	spaces  []string // the namespaces in which it has to be: those of the gateway's workloads
	hosts   []string // of the server, without namespaces
	mutual  bool     // a client certificate is asked for, so a CA is needed
	caNamed bool     // and named elsewhere: a path, or a Secret of its own
	related []Ref    // the gateway's workloads
}

// credentialUses returns every use of a Secret by a server that terminates TLS, of Istio's Gateways and of the Gateway API's.
func credentialUses(w *World) []credentialUse {
	var found []credentialUse
	for _, g := range w.Gateways {
		workloads, spaces := w.gatewayWorkloads(g)
		for i, server := range g.Spec.GetServers() {
			t := server.GetTls()
			if !terminates(t) {
				continue
			}
			use := credentialUse{object: g.Meta, spaces: spaces, hosts: hostsOf(server), mutual: asksForClient(t), related: workloads}
			use.caNamed = t.GetCaCertificates() != "" || t.GetCaCertCredentialName() != ""
			for _, n := range credentialNames(t) {
				use.name, use.field = n.name, fmt.Sprintf("spec.servers[%d].tls.%s", i, n.field)
				found = append(found, use)
			}
		}
	}
	return append(found, w.listenerCredentials()...)
}

// listenerCredentials are those of the Gateway API. A certificate of another namespace needs a ReferenceGrant, which is not read.
func (w *World) listenerCredentials() []credentialUse {
	var found []credentialUse
	for _, g := range w.Waypoints {
		for i, l := range g.Spec.Listeners {
			if l.TLSMode == "Passthrough" {
				continue
			}
			for j, name := range l.Certificates {
				ns, secret, other := strings.Cut(name, "/")
				if !other {
					ns, secret = g.Namespace, name
				}
				use := credentialUse{object: g.Meta, name: secret, spaces: []string{ns}, field: fmt.Sprintf("spec.listeners[%d].tls.certificateRefs[%d]", i, j)}
				if l.Hostname != "" {
					use.hosts = []string{l.Hostname}
				}
				found = append(found, use)
			}
		}
	}
	return found
}

// gatewayWorkloads returns the workloads that a Gateway's selector matches in any namespace, and their namespaces.
func (w *World) gatewayWorkloads(g *Gateway) (workloads []Ref, spaces []string) {
	if len(g.Spec.GetSelector()) == 0 {
		return nil, nil
	}
	found := refs{}
	for _, o := range w.Workloads {
		if hasLabels(o.PodLabels, g.Spec.GetSelector()) {
			found.add(o.Ref)
			if !slices.Contains(spaces, o.Namespace) {
				spaces = append(spaces, o.Namespace)
			}
		}
	}
	return found, spaces
}

// terminates says whether a server of a Gateway answers TLS with a certificate of its own.
func terminates(t *v1alpha3.ServerTLSSettings) bool {
	mode := t.GetMode()
	return t != nil && (mode == v1alpha3.ServerTLSSettings_SIMPLE || asksForClient(t))
}

// asksForClient says whether it wants a client certificate that it can verify.
func asksForClient(t *v1alpha3.ServerTLSSettings) bool {
	mode := t.GetMode()
	return mode == v1alpha3.ServerTLSSettings_MUTUAL || mode == v1alpha3.ServerTLSSettings_OPTIONAL_MUTUAL
}

type namedField struct{ name, field string }

// credentialNames returns the Secrets that a server names, and where. Names that lead elsewhere (file-, sds://, configmap://) are left out.
func credentialNames(t *v1alpha3.ServerTLSSettings) []namedField {
	all := []namedField{{t.GetCredentialName(), "credentialName"}}
	for i, name := range t.GetCredentialNames() {
		all = append(all, namedField{name, fmt.Sprintf("credentialNames[%d]", i)})
	}
	var found []namedField
	for _, n := range all {
		n.name = strings.TrimPrefix(n.name, "kubernetes://")
		if n.name != "" && !strings.Contains(n.name, "://") {
			found = append(found, n)
		}
	}
	return found
}

// hostsOf returns a server's hosts without the namespace that may stand before them.
func hostsOf(server *v1alpha3.Server) []string {
	var hosts []string
	for _, host := range server.GetHosts() {
		if _, name, ok := strings.Cut(host, "/"); ok {
			host = name
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// secrets returns the Secret of a use in each namespace where it is. Where the gateway's pods were not read, it is the Secret of that
// name, if there is only one.
func (w *World) secrets(use credentialUse) []*Secret {
	var found []*Secret
	if len(use.spaces) == 0 {
		if named := w.elsewhere(use); len(named) == 1 {
			return named
		}
	}
	for _, ns := range use.spaces {
		if s := w.Secret(ns, use.name); s != nil {
			found = append(found, s)
		}
	}
	return found
}

// errNoPair says that a Secret has no certificate with its key under the names that Istio looks for.
var errNoPair = errors.New("has neither tls.crt and tls.key nor cert and key")

// chainOf reads the certificates that a gateway presents, the leaf first, and its key.
func chainOf(data SecretData) ([]*x509.Certificate, []byte, error) {
	certificate, key := data.Data["cert"], data.Data["key"]
	if len(certificate) == 0 || len(key) == 0 {
		certificate, key = data.Data["tls.crt"], data.Data["tls.key"]
	}
	if len(certificate) == 0 || len(key) == 0 {
		return nil, nil, errNoPair
	}
	chain, err := certificates(certificate)
	return chain, key, err
}

// maxCertificates bounds the certificates that are read of one key of a Secret.
const maxCertificates = 200

// certificates reads PEM. Text without any certificate is an error, as is one that does not parse.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil && len(chain) < maxCertificates; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("has a certificate that does not parse")
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("has no certificate in PEM")
	}
	return chain, nil
}

// keyFits says whether a private key belongs to a certificate. An error, which holds nothing of the key, if it cannot be read.
func keyFits(leaf *x509.Certificate, keyPEM []byte) (bool, error) {
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return false, errors.New("has a certificate with a kind of key that is not known here")
	}
	for block, rest := pem.Decode(keyPEM); block != nil; block, rest = pem.Decode(rest) {
		if key := parseKey(block.Bytes); key != nil {
			return public.Equal(key.Public()), nil
		}
	}
	return false, errors.New("has no private key in PEM that could be read")
}

func parseKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// covers says whether a certificate is for a host as a Gateway writes it. A wildcard host, for which not every name need be asked for, is
// covered by any name below it.
func covers(leaf *x509.Certificate, host string) bool {
	suffix, wild := strings.CutPrefix(strings.ToLower(host), "*")
	if !wild {
		return leaf.VerifyHostname(host) == nil
	}
	return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), suffix) })
}
