package verdict

import (
	"strconv"
	"strings"
)

// Bounds for strings that came from the network, in bytes.
const (
	maxQuoted = 80
	maxWord   = 48
	maxListed = 6
)

func successSummary(c *connection) string {
	if c.TLS == nil || c.TLS.Version == "" {
		return "The handshake succeeded."
	}
	return "The " + word(c.TLS.Version) + " handshake succeeded."
}

// quote makes a string from the wire safe to show: bounded, ASCII, control characters escaped.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted]
	}
	return strconv.QuoteToASCII(s)
}

// word shows a name that should be one, such as an errno or a suite; anything else is quoted.
func word(s string) string {
	if len(s) > maxWord {
		return quote(s)
	}
	for _, r := range s {
		if !strings.ContainsRune("_-./ ", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return quote(s)
		}
	}
	return s
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 1, 64) + " s" }

// offered lists what the client offered, if that is known.
func (c *connection) offered(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	shown := names[:min(len(names), maxListed)]
	words := make([]string, len(shown))
	for i, n := range shown {
		words[i] = word(n)
	}
	more := ""
	if n := len(names) - len(shown); n > 0 {
		more = " and " + strconv.Itoa(n) + " more"
	}
	return "The client offered " + what + " " + strings.Join(words, ", ") + more + "."
}

func (c *connection) askedName() string {
	if c.TLS == nil || c.TLS.SNI == "" {
		return "The client sent no server name."
	}
	return "The client asked for " + quote(c.TLS.SNI) + "."
}

func (c *connection) versions() []string {
	if c.TLS == nil {
		return nil
	}
	return c.TLS.OfferedVersions
}

func (c *connection) ciphers() []string {
	if c.TLS == nil {
		return nil
	}
	return c.TLS.OfferedCiphers
}

func (c *connection) groups() []string {
	if c.TLS == nil {
		return nil
	}
	return c.TLS.OfferedGroups
}

func (c *connection) alpn() []string {
	if c.TLS == nil {
		return nil
	}
	return c.TLS.OfferedALPN
}
