package lint

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func certificateChecks() []Check {
	return []Check{
		{
			ID: "TLT0503", Name: "certificate-not-valid-now", Severity: Error, Topic: TopicGateway,
			Summary: "A certificate in use has expired, or is not valid yet.",
			Explain: "Every certificate that a gateway sends is judged, the CA that it verifies clients by, and those of the mesh's CA (cacerts, istio-ca-secret). Certificates of workloads live in memory and are not seen, " +
				"nor are files in images.",
			Fix:   "Renew the certificate, and check the clock of the machine that issued it.",
			Known: []string{"IST0161"},
			Needs: []Kind{KindSecret},
			Run:   checkValidity,
		},
		{
			ID: "TLT0504", Name: "certificate-key-mismatch", Severity: Error, Topic: TopicGateway,
			Summary: "The private key of a gateway's Secret does not belong to its certificate.",
			Explain: "The gateway cannot load the pair: it keeps the last one that worked, or has none.",
			Fix:     "Put the certificate and the key of the same renewal into the Secret. The leaf has to be the first certificate.",
			Needs:   []Kind{KindSecret},
			Run:     checkKeyMismatch,
		},
		{
			ID: "TLT0505", Name: "certificate-chain-incomplete", Severity: Warning, Topic: TopicGateway,
			Summary: "The chain in a gateway's Secret lacks an intermediate certificate, or is out of order.",
			Explain: "A server has to send each certificate that signs the one before it, up to the root (RFC 8446 section 4.4.2). Clients that do not know an intermediate by chance report an unknown CA. " +
				"A leaf alone is reported only if it says itself where its issuer's certificate is to be had, as those of public CAs do, or if the Secret's own ca.crt does not verify it.",
			Fix:   "Put the leaf first into tls.crt, and then each intermediate.",
			Needs: []Kind{KindSecret},
			Run:   checkChain,
		},
		{
			ID: "TLT0506", Name: "certificate-does-not-cover-host", Severity: Error, Topic: TopicGateway,
			Summary: "A Gateway serves a host that its certificate is not for.",
			Explain: "Clients compare the name they asked for with the certificate's subjectAltNames (RFC 9525). A wildcard stands for one label: *.example.com is not a.b.example.com. The common name counts no more. " +
				"A wildcard among the hosts is not judged if the certificate has a name below it: which names are asked for is not known. Neither is the host *.",
			Fix:   "Issue the certificate for the host, or correct the hosts of the server.",
			Needs: []Kind{KindSecret},
			Run:   checkHostCovered,
		},
		{
			ID: "TLT0510", Name: "certificate-expires-soon", Severity: Warning, Topic: TopicGateway,
			Summary: "A certificate in use expires within --expiry.",
			Explain: "Certificates of gateways and of the mesh's CA. That of the CA also bounds those of all workloads.",
			Fix:     "Renew it; or if a controller does, check that it still works.",
			Needs:   []Kind{KindSecret},
			Run:     checkExpiry,
		},
		{
			ID: "TLT0511", Name: "gateway-credential-unusable", Severity: Error, Topic: TopicGateway,
			Summary: "A gateway's Secret has no certificate and key that can be read.",
			Explain: "Istio takes tls.crt and tls.key, or cert and key, in PEM. Anything else leaves the server without a certificate. Sealed and encrypted Secrets are not judged.",
			Fix:     "Make it with kubectl create secret tls NAME --cert=chain.pem --key=key.pem.",
			Known:   []string{"IST0161"},
			Needs:   []Kind{KindSecret},
			Run:     checkUsable,
		},
	}
}

// inUse is a Secret whose certificates something presents.
type inUse struct {
	use    credentialUse // zero for the mesh's CA
	secret *Secret
	what   string // "serves Gateway prod/web", "is the mesh's CA"
	chain  []*x509.Certificate
	key    []byte
	err    error
}

// field is the key of the Secret that holds the chain.
func (u inUse) field() string {
	if len(u.secret.Spec.Data["cert"]) > 0 {
		return "data.cert"
	}
	return `data["tls.crt"]`
}

// gatewaySecrets returns each Secret that a gateway uses, once.
func gatewaySecrets(w *World) []inUse {
	var found []inUse
	seen := map[*Secret]bool{}
	for _, use := range credentialUses(w) {
		for _, s := range w.secrets(use) {
			if seen[s] || s.Spec.Sealed {
				continue
			}
			seen[s] = true
			u := inUse{use: use, secret: s, what: "serves Gateway " + nameOf(use.object)}
			u.chain, u.key, u.err = chainOf(s.Spec)
			found = append(found, u)
		}
	}
	return found
}

// dated is one certificate in use.
type dated struct {
	secret  *Secret
	field   string
	what    string
	related []Ref
	*x509.Certificate
}

// datedCertificates returns every certificate whose time matters: the chains of gateways, and the CA of the mesh.
func datedCertificates(w *World) []dated {
	var found []dated
	for _, u := range gatewaySecrets(w) {
		for _, c := range u.chain {
			found = append(found, dated{u.secret, u.field(), u.what, []Ref{u.use.object.Ref}, c})
		}
	}
	found = append(found, clientCAs(w)...)
	for _, name := range []string{"cacerts", "istio-ca-secret"} {
		s := w.Secret(w.Mesh.RootNamespace, name)
		if s == nil || s.Spec.Sealed || (name == "istio-ca-secret" && w.Secret(w.Mesh.RootNamespace, "cacerts") != nil) {
			continue
		}
		for _, key := range []string{"ca-cert.pem", "root-cert.pem", "cert-chain.pem", "tls.crt", "ca.crt"} {
			chain, err := certificates(s.Spec.Data[key])
			if err != nil {
				continue // TLT0511 judges gateways; istiod does not start with a broken CA
			}
			for _, c := range chain {
				found = append(found, dated{s, fmt.Sprintf("data[%q]", key), "is of the mesh's CA", nil, c})
			}
		}
	}
	return uniqueDates(found)
}

// clientCAs returns what gateways verify clients by. Of a bundle the one that lives longest counts: old roots stay in bundles.
func clientCAs(w *World) []dated {
	var found []dated
	for _, use := range credentialUses(w) {
		if !use.mutual || use.caNamed {
			continue
		}
		for _, ns := range use.spaces {
			for _, s := range []*Secret{w.Secret(ns, use.name), w.Secret(ns, use.name+"-cacert")} {
				if last, key := longestCA(s); last != nil {
					found = append(found, dated{s, fmt.Sprintf("data[%q]", key), "verifies the clients of Gateway " + nameOf(use.object), []Ref{use.object.Ref}, last})
				}
			}
		}
	}
	return found
}

func longestCA(s *Secret) (last *x509.Certificate, field string) {
	if s == nil || s.Spec.Sealed {
		return nil, ""
	}
	for _, key := range []string{"ca.crt", "cacert"} {
		bundle, err := certificates(s.Spec.Data[key])
		if err != nil {
			continue
		}
		for _, c := range bundle {
			if last == nil || c.NotAfter.After(last.NotAfter) {
				last, field = c, key
			}
		}
	}
	return last, field
}

// uniqueDates drops a certificate that is twice in one Secret, as the root is in cacerts.
func uniqueDates(all []dated) []dated {
	type key struct {
		secret *Secret
		raw    string
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(all, func(d dated) bool {
		k := key{d.secret, string(d.Raw)}
		twice := seen[k]
		seen[k] = true
		return twice
	})
}

// subject names a certificate by what is public in it.
func subject(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return "the certificate for " + few(c.DNSNames)
	case len(c.URIs) > 0:
		return "the certificate for " + c.URIs[0].String()
	case c.Subject.String() != "":
		return "the certificate of " + c.Subject.String()
	}
	return "the certificate with serial number " + c.SerialNumber.String()
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func checkValidity(w *World, report Report) {
	now := w.Options.Now
	for _, c := range datedCertificates(w) {
		when := ""
		switch {
		case now.After(c.NotAfter):
			when = "expired at " + day(c.NotAfter)
		case now.Before(c.NotBefore):
			when = "is not valid before " + day(c.NotBefore)
		default:
			continue
		}
		report(Finding{Object: c.secret.Ref, Field: c.field, Related: c.related, Message: fmt.Sprintf(
			"Secret %s %s, but %s in it %s", nameOf(c.secret.Meta), c.what, subject(c.Certificate), when)})
	}
}

func checkExpiry(w *World, report Report) {
	now, margin := w.Options.Now, w.Options.withDefaults().Expiry
	for _, c := range datedCertificates(w) {
		left := c.NotAfter.Sub(now)
		if left < 0 || left > margin || now.Before(c.NotBefore) {
			continue
		}
		// One that never lives longer than the margin is renewed by a controller all the time.
		if c.NotAfter.Sub(c.NotBefore) <= margin {
			continue
		}
		report(Finding{Object: c.secret.Ref, Field: c.field, Related: c.related, Message: fmt.Sprintf(
			"Secret %s %s, and %s in it expires at %s, in %d days", nameOf(c.secret.Meta), c.what, subject(c.Certificate), day(c.NotAfter), int(left.Hours()/24))})
	}
}

func checkUsable(w *World, report Report) {
	for _, u := range gatewaySecrets(w) {
		err := u.err
		if err == nil {
			_, err = keyFits(u.chain[0], u.key)
		}
		if err != nil {
			report(Finding{Object: u.secret.Ref, Field: "data", Related: []Ref{u.use.object.Ref}, Message: fmt.Sprintf(
				"Secret %s %s, but %s", nameOf(u.secret.Meta), u.what, err)})
		}
	}
}

func checkKeyMismatch(w *World, report Report) {
	for _, u := range gatewaySecrets(w) {
		if u.err != nil {
			continue
		}
		if fits, err := keyFits(u.chain[0], u.key); err == nil && !fits {
			note := ""
			if slices.ContainsFunc(u.chain[1:], func(c *x509.Certificate) bool { other, _ := keyFits(c, u.key); return other }) {
				note = "; it belongs to a later one, so the order is wrong"
			}
			report(Finding{Object: u.secret.Ref, Field: u.field(), Related: []Ref{u.use.object.Ref}, Message: fmt.Sprintf(
				"Secret %s %s, but its private key is not that of %s, the first in it%s", nameOf(u.secret.Meta), u.what, subject(u.chain[0]), note)})
		}
	}
}

func checkChain(w *World, report Report) {
	for _, u := range gatewaySecrets(w) {
		if u.err != nil {
			continue
		}
		if why := brokenChain(u); why != "" {
			report(Finding{Object: u.secret.Ref, Field: u.field(), Related: []Ref{u.use.object.Ref}, Message: fmt.Sprintf(
				"Secret %s %s, but %s", nameOf(u.secret.Meta), u.what, why)})
		}
	}
}

// brokenChain says what is wrong with a chain; "" if nothing can be told to be.
func brokenChain(u inUse) string {
	for i, c := range u.chain[1:] {
		if child := u.chain[i]; !bytes.Equal(child.RawIssuer, c.RawSubject) || child.CheckSignatureFrom(c) != nil {
			return fmt.Sprintf("its certificate %d (%s) is not signed by the next one (%s)", i+1, subject(child), subject(c))
		}
	}
	last := u.chain[len(u.chain)-1]
	if selfSigned(last) {
		return ""
	}
	if roots := caOf(u); roots != nil {
		pool := x509.NewCertPool()
		for _, c := range u.chain[1:] {
			pool.AddCert(c)
		}
		// The time is TLT0503's to judge.
		_, err := u.chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, CurrentTime: u.chain[0].NotBefore.Add(time.Second), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &unknown) {
			return fmt.Sprintf("the chain of %s does not lead to the ca.crt beside it: the certificate of %s is missing", subject(u.chain[0]), last.Issuer)
		}
		return ""
	}
	if len(u.chain) == 1 && len(last.IssuingCertificateURL) > 0 {
		return fmt.Sprintf("%s stands alone: its issuer, %s, is an intermediate as a rule and is to be sent along", subject(last), last.Issuer)
	}
	return ""
}

// caOf returns the CA that a Secret brings along for its own certificate. With MUTUAL it is the clients'.
func caOf(u inUse) *x509.CertPool {
	if u.use.mutual {
		return nil
	}
	found, err := certificates(u.secret.Spec.Data["ca.crt"])
	if err != nil {
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range found {
		pool.AddCert(c)
	}
	return pool
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject)
}

func checkHostCovered(w *World, report Report) {
	for _, use := range credentialUses(w) {
		for _, s := range w.secrets(use) {
			if s.Spec.Sealed {
				continue
			}
			chain, _, err := chainOf(s.Spec)
			if err != nil {
				continue
			}
			// With several credentials, as RSA and ECDSA, each has to cover: a client may be answered with either.
			missing := slices.DeleteFunc(slices.Clone(use.hosts), func(host string) bool { return host == "*" || covers(chain[0], host) })
			if len(missing) > 0 {
				report(Finding{Object: use.object.Ref, Field: strings.Split(use.field, ".tls.")[0] + ".hosts", Related: []Ref{s.Ref}, Message: fmt.Sprintf(
					"Gateway %s serves %s with Secret %s, but %s does not cover that", nameOf(use.object), few(missing), nameOf(s.Meta), subject(chain[0]))})
			}
		}
	}
}
