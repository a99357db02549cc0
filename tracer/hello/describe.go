package hello

import "github.com/tlstrace/tlstrace/event"

// Describe tells what the two hellos of a handshake say. Both are handshake messages with their headers, without record headers;
// either may be empty, cut off or malformed, and what can be read is told. If a HelloRetryRequest is followed by the
// ServerHello, both are read. The result is nil if neither side's bytes are a hello.
//
// EarlyData means that the client offered it: whether the server took it is encrypted.
func Describe(client, server []byte) *event.TLS {
	c, _ := ParseClient(client)
	s, retry := chosen(server)
	if c.LegacyVersion == 0 && s.LegacyVersion == 0 {
		return nil
	}
	t := &event.TLS{Truncated: c.LegacyVersion != 0 && c.Truncated || s.LegacyVersion != 0 && s.Truncated}
	if c.LegacyVersion != 0 {
		describeClient(t, &c)
	}
	if s.LegacyVersion != 0 {
		describeServer(t, &s)
		t.Resumed = s.resumes(&c)
		t.HelloRetry = retry
	}
	return t
}

// chosen reads the server's first hello or, after a HelloRetryRequest, its second if that is there.
func chosen(server []byte) (s ServerHello, retry bool) {
	s, _ = ParseServer(server)
	if !s.HelloRetry || s.Truncated || len(server) <= s.Length {
		return s, s.HelloRetry
	}
	if second, _ := ParseServer(server[s.Length:]); second.Cipher != 0 {
		return second, true
	}
	return s, true
}

func describeClient(t *event.TLS, c *ClientHello) {
	// All names share one array.
	names := make([]string, 0, len(c.Versions)+len(c.Ciphers)+len(c.Groups))
	t.OfferedVersions, names = spell(names, c.Versions, VersionName)
	t.OfferedCiphers, names = spell(names, c.Ciphers, CipherName)
	t.OfferedGroups, _ = spell(names, c.Groups, GroupName)
	t.SNI = c.SNI
	t.OfferedALPN = c.ALPN
	t.JA4 = c.JA4()
	t.EarlyData = c.EarlyData
	t.HelloBytes = c.Length
}

func describeServer(t *event.TLS, s *ServerHello) {
	if s.Version != 0 {
		t.Version = VersionName(s.Version)
	}
	if s.Cipher != 0 { // 0 is TLS_NULL_WITH_NULL_NULL, which is never negotiated (RFC 5246 appendix A.5)
		t.Cipher = CipherName(s.Cipher)
	}
	if s.Group != 0 {
		t.Group = GroupName(s.Group)
	}
	t.ALPN = s.ALPN
}

// spell appends the names of numbers to all, and returns them and all.
func spell(all []string, numbers []uint16, name func(uint16) string) (spelt, rest []string) {
	start := len(all)
	for _, n := range numbers {
		all = append(all, name(n))
	}
	if start == len(all) {
		return nil, all
	}
	return all[start:len(all):len(all)], all
}
