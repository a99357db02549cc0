package sink

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// AppendJSON appends an event as one JSON object, without a line end. It writes what encoding/json writes for
// [event.Event] with HTML escaping off, in about a third of the time and without allocating, but for three things: characters
// that are unsafe on a terminal are escaped (see [appendString]), a number that is not finite is null, and a time
// outside the years 0 to 9999 is the zero time. A test holds every field of the event against encoding/json.
func AppendJSON(dst []byte, e *event.Event) []byte {
	o := object{dst, '{'}
	o.text("schema", e.Schema)
	o.time("time", e.Time)
	o.optional("node", e.Node)
	o.text("id", e.ID)
	o.text("outcome", string(e.Outcome))
	o.text("observed_from", string(e.ObservedFrom))
	o.verdict("verdict", &e.Verdict)
	if e.TLS != nil {
		o.tls("tls", e.TLS)
	}
	if e.Mesh != nil {
		o.mesh("mesh", e.Mesh)
	}
	if e.Alert != nil {
		o.alert("alert", e.Alert)
	}
	if e.Library != nil {
		o.library("library", e.Library)
	}
	o.tcp("tcp", &e.TCP)
	o.optional("preface", string(e.Preface))
	o.records("records", e.Records)
	o.gaps("gaps", e.Gaps)
	o.flag("light", e.Light)
	o.float("duration", e.Duration)
	o.endpoint("client", &e.Client)
	o.endpoint("server", &e.Server)
	o.count("repeated", int64(e.Repeated))
	return append(o.dst, '}')
}

func (o *object) verdict(key string, v *event.Verdict) {
	o.open(key)
	o.optional("reason", string(v.Reason))
	o.optional("layer", string(v.Layer))
	o.optional("phase", string(v.Phase))
	o.optional("gave_up", string(v.GaveUp))
	o.optional("look_at", string(v.LookAt))
	o.optional("confidence", string(v.Confidence))
	o.optional("summary", v.Summary)
	o.optional("hint", v.Hint)
	o.close()
}

func (o *object) tls(key string, t *event.TLS) {
	o.open(key)
	o.texts("offered_versions", t.OfferedVersions)
	o.optional("version", t.Version)
	o.optional("sni", t.SNI)
	o.texts("offered_alpn", t.OfferedALPN)
	o.optional("alpn", t.ALPN)
	o.texts("offered_ciphers", t.OfferedCiphers)
	o.optional("cipher", t.Cipher)
	o.texts("offered_groups", t.OfferedGroups)
	o.optional("group", t.Group)
	o.optional("ja4", t.JA4)
	o.flag("resumed", t.Resumed)
	o.flag("early_data", t.EarlyData)
	o.flag("hello_retry", t.HelloRetry)
	o.optional("client_auth", string(t.ClientAuth))
	o.count("hello_bytes", int64(t.HelloBytes))
	o.flag("truncated", t.Truncated)
	o.close()
}

func (o *object) mesh(key string, m *event.Mesh) {
	o.open(key)
	o.text("direction", m.Direction)
	o.text("service", m.Service)
	o.number("port", int64(m.Port))
	o.optional("subset", m.Subset)
	o.close()
}

func (o *object) alert(key string, a *event.Alert) {
	o.open(key)
	o.text("sender", string(a.Sender))
	o.optional("level", a.Level)
	if a.Code != nil {
		o.number("code", int64(*a.Code))
	}
	o.optional("name", a.Name)
	o.flag("encrypted", a.Encrypted)
	o.close()
}

func (o *object) library(key string, l *event.Library) {
	o.open(key)
	o.text("name", l.Name)
	o.optional("version", l.Version)
	o.optional("side", string(l.Side))
	o.count("error_code", l.ErrorCode)
	o.optional("error_text", l.ErrorText)
	o.count("verify_code", int64(l.VerifyCode))
	o.optional("verify_text", l.VerifyText)
	o.count("verify_depth", int64(l.VerifyDepth))
	o.optional("get_error", l.GetError)
	o.close()
}

func (o *object) tcp(key string, t *event.TCP) {
	o.open(key)
	o.optional("closed_by", string(t.ClosedBy))
	o.optional("how", string(t.How))
	o.count("closed_at_us", t.ClosedAt)
	o.optional("reset_by", string(t.ResetBy))
	o.optional("reset_reason", t.ResetReason)
	o.optional("error", t.Error)
	if t.Dialed.IsValid() {
		o.text("dialed", t.Dialed.String())
	}
	o.unsigned("client_bytes", t.ClientBytes)
	o.unsigned("server_bytes", t.ServerBytes)
	o.count("retransmits", int64(t.Retransmits))
	o.flag("tls_listener", t.TLSListener)
	o.flag("bad_request", t.BadRequest)
	if t.Idle != 0 {
		o.float("idle", t.Idle)
	}
	o.close()
}

func (o *object) records(key string, records []event.Record) {
	if len(records) == 0 {
		return
	}
	o.key(key)
	o.dst = append(o.dst, '[')
	for i := range records {
		r := &records[i]
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.begin()
		o.text("from", string(r.From))
		o.text("type", r.Type)
		o.optional("handshake", r.Handshake)
		o.number("length", int64(r.Length))
		o.number("at_us", r.At)
		o.close()
	}
	o.dst = append(o.dst, ']')
}

func (o *object) gaps(key string, gaps []event.Gap) {
	if len(gaps) == 0 {
		return
	}
	o.key(key)
	o.dst = append(o.dst, '[')
	for i, g := range gaps {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.begin()
		o.text("from", string(g.From))
		o.text("why", g.Why)
		o.close()
	}
	o.dst = append(o.dst, ']')
}

func (o *object) endpoint(key string, p *event.Endpoint) {
	o.open(key)
	o.addr("addr", p.Addr)
	o.number("port", int64(p.Port))
	if p.Process != nil {
		o.open("process")
		o.number("pid", int64(p.Process.PID))
		o.optional("comm", p.Process.Comm)
		o.optional("exe", p.Process.Exe)
		o.close()
	}
	if p.K8s != nil {
		o.k8s("k8s", p.K8s)
	}
	if p.Cgroup != 0 {
		o.unsigned("cgroup", p.Cgroup)
	}
	o.count("netns", int64(p.NetNS))
	o.close()
}

func (o *object) k8s(key string, k *event.K8s) {
	o.open(key)
	o.optional("namespace", k.Namespace)
	o.optional("pod", k.Pod)
	o.optional("container", k.Container)
	o.optional("workload", k.Workload)
	o.optional("service", k.Service)
	o.optional("serviceAccount", k.ServiceAccount)
	o.optional("node", k.Node)
	o.flag("sidecar", k.Sidecar)
	o.close()
}

// addr writes an address as text. A zone is free text, and so is escaped.
func (o *object) addr(key string, a netip.Addr) {
	o.key(key)
	if a.Zone() != "" {
		o.dst = appendString(o.dst, a.String())
		return
	}
	o.dst = append(o.dst, '"')
	if a.IsValid() {
		o.dst = a.AppendTo(o.dst)
	}
	o.dst = append(o.dst, '"')
}

func (o *object) time(key string, t time.Time) {
	o.key(key)
	before := len(o.dst)
	o.dst = append(o.dst, '"')
	if text, err := t.AppendText(o.dst); err == nil {
		o.dst = append(text, '"')
		return
	}
	o.dst = append(o.dst[:before], `"0001-01-01T00:00:00Z"`...)
}

// float spells numbers as encoding/json does: like ES6 number to string, shortest that reads back the same.
func (o *object) float(key string, f float64) {
	o.key(key)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		o.dst = append(o.dst, "null"...)
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	o.dst = strconv.AppendFloat(o.dst, f, format, -1, 64)
	if n := len(o.dst); format == 'e' && n >= 4 && o.dst[n-4] == 'e' && o.dst[n-3] == '-' && o.dst[n-2] == '0' {
		o.dst[n-2] = o.dst[n-1] // e-09 to e-9
		o.dst = o.dst[:n-1]
	}
}
