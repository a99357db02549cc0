package lint

import "encoding/base64"

// secretKeys are the keys of a Secret that Istio takes certificates from: gateways (tls.crt, cert, with tls.key, key; ca.crt,
// cacert; ca.crl, crl) and a CA that is plugged in (cacerts) or made by istiod (istio-ca-secret), without the key of the CA.
func secretKeys() []string {
	return []string{
		"tls.crt", "tls.key", "ca.crt", "ca.crl", "cert", "key", "cacert", "crl",
		"ca-cert.pem", "cert-chain.pem", "root-cert.pem",
	}
}

// data keeps what could serve TLS.
func (b *secretBody) data() SecretData {
	out := SecretData{Type: b.Type, Data: map[string][]byte{}, Sealed: len(b.Sops) > 0}
	for _, key := range secretKeys() {
		if text, ok := b.Data[key].(string); ok && !out.Sealed {
			value, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				out.Sealed = true // a placeholder, or encrypted by a tool that is not known here
				continue
			}
			out.Data[key] = value
		}
		if text, ok := b.StringData[key]; ok && !out.Sealed {
			out.Data[key] = []byte(text)
		}
	}
	return out
}
