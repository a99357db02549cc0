package sink

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// fact is one thing that was seen, by its name and in safe words.
type fact struct{ name, value string }

// How many of a hello's offers are spelled out: all that fit in the reader's head, more where the failure is about them.
const (
	fewListed  = 3
	maxListed  = 8
	mostListed = 40
)

// facts lists what an event rests on, the most telling first. What is not known is left out.
func (s Screen) facts(e *event.Event) []fact {
	var all []fact
	if e.TLS != nil {
		all = append(all, s.helloFacts(e.TLS, e.Verdict.Layer)...)
	}
	if e.Mesh != nil {
		all = append(all, fact{"mesh", s.spellMesh(e.Mesh)})
	}
	if e.Alert != nil {
		all = append(all, fact{"alert", s.spellAlert(e.Alert)})
	}
	if e.Library != nil {
		all = append(all, fact{"library", s.spellLibrary(e.Library)})
	}
	return append(all, fact{"TCP", s.spellTCP(e)}, fact{"seen from", s.spellVantage(e)})
}

func (s Screen) helloFacts(t *event.TLS, layer event.Layer) []fact {
	listed := fewListed
	if layer == event.LayerNegotiation {
		listed = mostListed
	}
	var all []fact
	add := func(name, value string) {
		if value != "" {
			all = append(all, fact{name, value})
		}
	}
	sni := s.safe(t.SNI)
	if sni == "" && t.HelloBytes > 0 && !t.Truncated {
		sni = "none sent"
	}
	add("SNI", sni)
	add("versions", s.offer(t.OfferedVersions, t.Version, maxListed))
	add("cipher", s.offer(unlessChosen(t.OfferedCiphers, t.Cipher), t.Cipher, listed))
	add("group", s.offer(unlessChosen(t.OfferedGroups, t.Group), t.Group, listed))
	add("ALPN", s.offer(t.OfferedALPN, t.ALPN, maxListed))
	add("client cert", spellClientAuth(t.ClientAuth))
	add("session", spellSession(t))
	add("hello", spellHello(t))
	add("JA4", s.safe(t.JA4))
	return all
}

// unlessChosen drops long lists of offers once the choice is known.
func unlessChosen(offered []string, chosen string) []string {
	if chosen != "" {
		return nil
	}
	return offered
}

// offer spells what was offered and chosen.
func (s Screen) offer(offered []string, chosen string, listed int) string {
	text := s.list(offered, listed)
	switch {
	case text == "":
		return s.safe(chosen)
	case chosen == "":
		return "offered " + text
	}
	return "offered " + text + " " + s.glyphs().arrow + " chosen " + s.safe(chosen)
}

// list joins the first of a hello's offers, and counts the rest.
func (s Screen) list(offers []string, listed int) string {
	var safe []string
	for i, o := range offers {
		if i == listed {
			safe = append(safe, fmt.Sprintf("and %d more", len(offers)-i))
			break
		}
		safe = append(safe, s.safe(o))
	}
	return strings.Join(safe, ", ")
}

func spellClientAuth(a event.ClientAuth) string {
	switch a {
	case event.ClientAuthRequested:
		return "asked for, no answer was seen"
	case event.ClientAuthEmpty:
		return "asked for, the client sent none"
	case event.ClientAuthSent:
		return "asked for, the client sent one"
	}
	return ""
}

func spellSession(t *event.TLS) string {
	var parts []string
	if t.Resumed {
		parts = append(parts, "resumed")
	}
	if t.EarlyData {
		parts = append(parts, "early data")
	}
	if t.HelloRetry {
		parts = append(parts, "the server asked for a second hello")
	}
	return strings.Join(parts, ", ")
}

func spellHello(t *event.TLS) string {
	var parts []string
	if t.HelloBytes > 0 {
		parts = append(parts, spellBytes(uint64(t.HelloBytes)))
	}
	if t.Truncated {
		parts = append(parts, "not all of it was captured")
	}
	return strings.Join(parts, ", ")
}

func (s Screen) spellMesh(m *event.Mesh) string {
	text := s.safe(m.Direction) + " to " + s.safe(m.Service) + ":" + strconv.Itoa(int(m.Port))
	if m.Subset != "" {
		text += ", subset " + s.safe(m.Subset)
	}
	return text
}

func (s Screen) spellAlert(a *event.Alert) string {
	text := s.safe(a.Name)
	if text == "" {
		text = "unreadable"
		if a.Encrypted {
			text = "encrypted"
		}
	} else if a.Encrypted {
		text += ", encrypted"
	}
	if a.Code != nil {
		text += " (" + strconv.Itoa(int(*a.Code)) + ")"
	}
	if a.Level != "" {
		text += ", " + s.safe(a.Level)
	}
	return text + ", from the " + s.safe(string(a.Sender))
}

func (s Screen) spellLibrary(l *event.Library) string {
	text := strings.TrimSpace(s.safe(l.Name) + " " + s.safe(l.Version))
	if l.Side != "" {
		text += " of the " + s.safe(string(l.Side))
	}
	if l.ErrorText != "" || l.ErrorCode != 0 {
		text += fmt.Sprintf(": %s (error %d)", firstOf(s.safe(l.ErrorText), "error"), l.ErrorCode)
	}
	if l.VerifyText != "" || l.VerifyCode != 0 {
		text += "; certificate"
		if l.VerifyDepth > 0 { // not every library tells it
			text += fmt.Sprintf(" at depth %d", l.VerifyDepth)
		}
		text += ": " + firstOf(s.safe(l.VerifyText), "refused")
	}
	if l.VerifyCode != 0 {
		text += fmt.Sprintf(" (verify %d)", l.VerifyCode)
	}
	return text
}

func (s Screen) spellTCP(e *event.Event) string {
	t := &e.TCP
	parts := []string{
		spellBytes(t.ClientBytes) + " from the client, " + spellBytes(t.ServerBytes) + " from the server",
		s.closeText(e) + " after " + spellSeconds(e.Duration, s.ASCII),
	}
	if t.Dialed.IsValid() {
		parts = append(parts, "the client dialed "+t.Dialed.String()+", NAT sent it to "+netip.AddrPortFrom(e.Server.Addr, e.Server.Port).String())
	}
	if t.ResetReason != "" {
		parts = append(parts, "kernel says "+s.safe(t.ResetReason))
	}
	if t.Retransmits > 0 {
		parts = append(parts, "retransmits: "+spellCount(uint64(t.Retransmits)))
	}
	if t.TLSListener {
		parts = append(parts, "this port has answered others with TLS")
	}
	return strings.Join(parts, "; ")
}

// closeText says in a few words how the connection ended.
func (s Screen) closeText(e *event.Event) string {
	by := s.safe(string(e.TCP.ClosedBy))
	switch e.TCP.How {
	case event.CloseFIN:
		return "closed by the " + firstOf(by, "?") + " (FIN)"
	case event.CloseRST:
		return "reset by the " + firstOf(s.safe(string(e.TCP.ResetBy)), by, "?") + " (RST)"
	case event.CloseRefused:
		return "connect failed: " + firstOf(s.safe(e.TCP.Error), "refused")
	case event.CloseTimeout:
		return firstOf(s.safe(e.TCP.Error), "no answer") + ", given up"
	case event.CloseOpen:
		return "still open"
	}
	return "ended"
}

func (s Screen) spellVantage(e *event.Event) string {
	text := s.vantage(e.ObservedFrom)
	if e.Node != "" {
		text += ", node " + s.safe(e.Node)
	}
	text += ", " + s.clock(e.Time, "2006-01-02 15:04:05.000 MST")
	if e.ID != "" {
		text += ", id " + s.safe(e.ID)
	}
	return text
}

func (s Screen) vantage(v event.Vantage) string {
	switch v {
	case event.FromBoth:
		return "both ends"
	case event.FromClient, event.FromServer:
		return "the " + string(v) + "'s end only"
	case event.FromLog:
		return "a proxy's log"
	}
	return firstOf(s.safe(string(v)), "?")
}
