package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Prefixes of the macros that number things: reasons of lib SSL, reasons common to all libs, and results of a verification.
const (
	sslPrefix    = "SSL_R_"
	commonPrefix = "ERR_R_"
	verifyPrefix = "X509_V_ERR_"

	gnutlsPrefix       = "GNUTLS_E_"
	gnutlsVerifyPrefix = "GNUTLS_CERT_"
)

// numbers maps numbers to macros.
type numbers map[int]string

// table is what is known of one family: the newest version's meaning of every number.
type table struct {
	family  string
	reasons numbers           // without the prefix of lib SSL
	verify  numbers           // in full
	texts   map[string]string // of verify results
	older   []older
}

// older holds the verify results that mean something else in the newest version.
type older struct {
	version string
	verify  numbers
}

// tablesOf merges the versions of each family, of which the newest comes last.
func tablesOf(headers []header) ([]*table, error) {
	var all []*table
	for _, h := range headers {
		i := slices.IndexFunc(all, func(t *table) bool { return t.family == h.family })
		if i < 0 {
			i = len(all)
			all = append(all, &table{family: h.family, reasons: numbers{}, verify: numbers{}, texts: map[string]string{}})
		}
		if err := all[i].add(h); err != nil {
			return nil, err
		}
	}
	for _, t := range all {
		t.prune()
	}
	return all, nil
}

func (t *table) add(h header) error {
	verify, reasons, common := numbers{}, numbers{}, numbers{}
	for prefix, to := range map[string]numbers{
		verifyPrefix: verify, sslPrefix: reasons, commonPrefix: common, gnutlsPrefix: reasons, gnutlsVerifyPrefix: verify,
	} {
		if err := h.collect(prefix, to); err != nil {
			return err
		}
	}
	for n, name := range reasons {
		t.reasons[n] = strings.TrimPrefix(strings.TrimPrefix(name, sslPrefix), gnutlsPrefix)
	}
	maps.Copy(t.reasons, common)
	maps.Copy(t.verify, verify)
	maps.Copy(t.texts, h.texts)
	t.older = append(t.older, older{h.version, verify})
	return nil
}

// prune leaves of the older versions what differs.
func (t *table) prune() {
	for _, o := range t.older {
		maps.DeleteFunc(o.verify, func(n int, name string) bool { return t.verify[n] == name })
	}
	t.older = slices.DeleteFunc(t.older, func(o older) bool { return len(o.verify) == 0 })
}

// collect gathers the macros with a prefix by number, aliases of another such macro left out.
func (h *header) collect(prefix string, to numbers) error {
	for name, value := range h.values {
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(value, prefix) || namesLib(name) {
			continue
		}
		n, err := h.number(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if other, taken := to[n]; taken {
			return fmt.Errorf("%s and %s are both %d", name, other, n)
		}
		to[n] = name
	}
	return nil
}

// namesLib tells the common reasons that say which lib failed, and not why, and the flag that others carry.
func namesLib(name string) bool {
	return strings.HasPrefix(name, commonPrefix) && (strings.HasSuffix(name, "_LIB") || name == "ERR_R_FATAL")
}

// text is what a verify result says: its library's words, or those of its name.
func (t *table) text(name string) string {
	if words, known := t.texts[name]; known {
		return words
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, verifyPrefix), gnutlsVerifyPrefix)
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}
