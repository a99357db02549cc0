package verdict

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

// tape builds an event from a line such as
//
//	C:client_hello/512 S:server_hello/122 S:ccs S:app/27 C:alert(2,48) +300ms C:FIN
//
// C and S send records by handshake message, ccs, app, hs (encrypted handshake), alert/LENGTH (encrypted) or
// alert(LEVEL,CODE) in clear; raw/N is bytes in no record, plain/N bytes that are no TLS, gap(WHY) a lost stream, KTO the kernel's
// timeout seen by that side; +Nms and +Nus is a pause.
func tape(t testing.TB, version, line string) event.Event {
	t.Helper()
	e := event.Event{Schema: event.Schema, ID: "t", TLS: &event.TLS{Version: version}}
	var now, last int64
	for _, word := range strings.Fields(line) {
		if m := pause.FindStringSubmatch(word); m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64)
			if m[2] == "ms" {
				n *= 1000
			}
			now += n
			continue
		}
		now += 20
		m := token.FindStringSubmatch(word)
		if m == nil {
			t.Fatalf("cannot read %q", word)
		}
		side := map[string]event.Side{"C": event.Client, "S": event.Server, "N": event.Network}[m[1]]
		switch {
		case m[2] == "FIN" || m[2] == "RST" || m[2] == "KTO":
			ended(&e, side, m[2], float64(now-last)/1e6)
		case m[2] == "gap":
			e.Gaps = append(e.Gaps, event.Gap{From: side, Why: m[3]})
		default:
			sent(t, &e, side, m, now)
			if last = now; e.TCP.How != "" {
				e.TCP.Idle = 0 // records came after the close
			}
		}
	}
	e.Duration = float64(now) / 1e6
	return e
}

var (
	pause = regexp.MustCompile(`^\+(\d+)(ms|us)$`)
	token = regexp.MustCompile(`^([CSN]):([A-Za-z_]+)(?:\(([\w,]+)\))?(?:/(\d+))?$`)
)

func ended(e *event.Event, side event.Side, how string, idle float64) {
	tcp := &e.TCP
	if len(e.Records) == 0 {
		idle = 0 // the tracer counts from the last record
	}
	if how == "RST" && tcp.ResetBy == "" {
		tcp.ResetBy = side
	}
	if tcp.How != "" {
		return
	}
	tcp.How = map[string]event.Close{"FIN": event.CloseFIN, "RST": event.CloseRST, "KTO": event.CloseTimeout}[how]
	tcp.Idle = idle
	if side != event.Network {
		tcp.ClosedBy = side
	}
}

func sent(t testing.TB, e *event.Event, side event.Side, m []string, now int64) {
	t.Helper()
	n, _ := strconv.Atoi(m[4])
	r := event.Record{From: side, Length: n, At: now}
	bytes := uint64(n + recordHeader)
	switch m[2] {
	case "raw", "plain":
		if m[2] == "plain" {
			e.Gaps = append(e.Gaps, event.Gap{From: side, Why: event.GapNotTLS})
		}
		count(e, side, uint64(n))
		return
	case "ccs":
		r.Type, r.Length, bytes = typeCCS, 1, 6
	case "app":
		r.Type = typeData
	case "hs":
		r.Type = typeHandshake
	case "alert":
		r.Type = typeAlert
		if m[3] != "" {
			r.Length, bytes = clearAlertLength, 7
			e.Alert = firstAlert(t, e.Alert, side, m[3])
		}
	default:
		r.Type, r.Handshake = typeHandshake, m[2]
	}
	e.Records = append(e.Records, r)
	count(e, side, bytes)
}

func count(e *event.Event, side event.Side, bytes uint64) {
	if side == event.Client {
		e.TCP.ClientBytes += bytes
	} else {
		e.TCP.ServerBytes += bytes
	}
}

func firstAlert(t testing.TB, had *event.Alert, side event.Side, body string) *event.Alert {
	t.Helper()
	if had != nil {
		return had
	}
	var level int
	var code uint8
	if _, err := fmt.Sscanf(body, "%d,%d", &level, &code); err != nil {
		t.Fatalf("alert %q: %v", body, err)
	}
	return &event.Alert{Sender: side, Level: map[int]string{1: "warning", 2: "fatal"}[level], Code: &code}
}
