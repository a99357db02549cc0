package sink

import (
	"math"

	"github.com/tlstrace/tlstrace/event"
)

// endRungs draws how the connection ended.
func (s Screen) endRungs(e *event.Event) []rung {
	at := endTime(e)
	by := e.TCP.ClosedBy
	switch e.TCP.How {
	case event.CloseRefused:
		return s.refusedRungs(e, at)
	case event.CloseTimeout:
		return s.timeoutRungs(e, at)
	case event.CloseFIN:
		all := []rung{{at: at, from: by, text: s.who(by, "closes") + " (FIN)", style: endStyle(e, by)}}
		if r := e.TCP.ResetBy; r != "" {
			all = append(all, s.resetRung(e, r, noTime))
		}
		return all
	case event.CloseRST:
		if e.TCP.ResetBy != "" {
			by = e.TCP.ResetBy
		}
		return []rung{s.resetRung(e, by, at)}
	case event.CloseOpen:
		return []rung{{at: at, from: event.Unknown, text: "still open when it was reported", style: dim}}
	}
	return nil
}

// endTime is the moment of the end in microseconds since the connection was first seen.
func endTime(e *event.Event) int64 {
	us := e.Duration * 1e6
	if math.IsNaN(us) || us < 0 || us > math.MaxInt64/2 {
		return noTime
	}
	return int64(us)
}

// who names the side that did something, for arrows that may come from neither end.
func (s Screen) who(side event.Side, does string) string {
	if side == event.Client || side == event.Server {
		return string(side) + " " + does
	}
	return does
}

// endStyle marks the end that is the failure itself. After an alert or on a healthy connection a close is mere manners.
func endStyle(e *event.Event, by event.Side) style {
	if e.Alert != nil || e.Outcome != event.Failed || e.Verdict.GaveUp != by {
		return plain
	}
	return styleOf(e)
}

func (s Screen) resetRung(e *event.Event, by event.Side, at int64) rung {
	text := s.who(by, "resets") + " (RST)"
	if by == event.Network {
		text = "RESET (RST) that neither end sent"
	}
	if by != event.Client && by != event.Server && by != event.Network {
		text = "reset (RST), by whom was not seen"
	}
	return rung{at: at, from: by, text: text, style: endStyle(e, by)}
}

func (s Screen) refusedRungs(e *event.Event, at int64) []rung {
	why := firstOf(s.safe(e.TCP.Error), "refused")
	connect := rung{at: 0, from: event.Client, text: "connect (SYN)"}
	if e.TCP.ClosedBy == event.Server {
		return []rung{connect, {at: at, from: event.Server, text: "refused (RST): " + why, style: styleOf(e)}}
	}
	connect.lost = true
	return []rung{connect, {at: at, from: event.Unknown, text: "connect failed: " + why, style: styleOf(e)}}
}

func (s Screen) timeoutRungs(e *event.Event, at int64) []rung {
	why := "no answer: " + firstOf(s.safe(e.TCP.Error), "given up")
	end := rung{at: at, from: event.Unknown, text: why, style: styleOf(e)}
	if len(e.Records) > 0 || e.TCP.ClientBytes+e.TCP.ServerBytes > 0 {
		return []rung{end}
	}
	text := "connect (SYN)"
	if n := e.TCP.Retransmits; n > 0 {
		text += " " + s.glyphs().times + spellCount(uint64(n)+1)
	}
	return []rung{{at: 0, from: event.Client, text: text, lost: true}, end}
}

// withPauses says between which rungs nothing happened for long.
func (s Screen) withPauses(rungs []rung) []rung {
	var all []rung
	previous := int64(0)
	for _, r := range rungs {
		if r.at != noTime {
			if pause := r.at - previous; pause >= quiet {
				all = append(all, note(spellSeconds(float64(pause)/1e6, s.ASCII)+" of silence"))
			}
			previous = r.at
		}
		all = append(all, r)
	}
	return all
}
