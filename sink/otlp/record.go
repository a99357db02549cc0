package otlp

import (
	"net/netip"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// EventName is the name of every record (the event name of the OpenTelemetry log data model).
const EventName = "tlstrace.handshake"

// What strings are cut to, in columns, and lists in items. A sentence is longer than a name.
const (
	maxText     = 300
	maxSentence = 2000
	maxList     = 32
)

// serverName is how the conventions called the SNI before they gave it up, and how the Elastic Common Schema calls it.
const serverName = "tls.client.server_name"

// record spells an event. The conventions' own names are used where there is one (OpenTelemetry semantic conventions 1.43), and those of
// Kubernetes and processes for the end that was observed; all else is under tlstrace.
func record(e *event.Event) log.Record {
	var r log.Record
	r.SetTimestamp(e.Time)
	r.SetObservedTimestamp(e.Time)
	r.SetEventName(EventName)
	severity := severityOf(e.Outcome)
	r.SetSeverity(severity)
	r.SetSeverityText(severity.String())
	r.SetBody(attribute.StringValue(sink.Escape(body(e), maxSentence)))
	var a attributes
	a.handshake(e)
	a.verdict(&e.Verdict, e.Outcome)
	a.ends(e)
	a.tls(e)
	a.facts(e)
	r.AddAttributes(a...)
	return r
}

func severityOf(o event.Outcome) log.Severity {
	switch o {
	case event.Failed:
		return log.SeverityError
	case event.Noise:
		return log.SeverityDebug
	}
	return log.SeverityInfo
}

func body(e *event.Event) string {
	if e.Verdict.Summary != "" {
		return e.Verdict.Summary
	}
	return "TLS handshake " + string(e.Outcome)
}

// attributes are what a record says. What is not known is left out. Every string is escaped: it may come from the network, and one byte
// that is no UTF-8 would make a receiver refuse the whole request.
type attributes []attribute.KeyValue

func (a *attributes) text(key attribute.Key, s string) { a.long(key, s, maxText) }

func (a *attributes) long(key attribute.Key, s string, width int) {
	if s != "" {
		*a = append(*a, key.String(sink.Escape(s, width)))
	}
}

func (a *attributes) texts(key attribute.Key, all []string) {
	if len(all) == 0 {
		return
	}
	safe := make([]string, 0, min(len(all), maxList))
	for _, s := range all[:min(len(all), maxList)] {
		safe = append(safe, sink.Escape(s, maxText))
	}
	*a = append(*a, key.StringSlice(safe))
}

func (a *attributes) number(key attribute.Key, n int64) { *a = append(*a, key.Int64(n)) }

func (a *attributes) count(key attribute.Key, n int64) {
	if n != 0 {
		a.number(key, n)
	}
}

func (a *attributes) flag(key attribute.Key, on bool) {
	if on {
		*a = append(*a, key.Bool(true))
	}
}

func (a *attributes) handshake(e *event.Event) {
	a.text("tlstrace.schema", e.Schema)
	a.text("tlstrace.id", e.ID)
	a.text("tlstrace.outcome", string(e.Outcome))
	a.text("tlstrace.observed_from", string(e.ObservedFrom))
	a.text("tlstrace.node", e.Node)
	*a = append(*a, attribute.Float64("tlstrace.duration", e.Duration))
	a.count("tlstrace.repeated", int64(e.Repeated))
	a.text("tlstrace.preface", string(e.Preface))
}

func (a *attributes) verdict(v *event.Verdict, o event.Outcome) {
	if o == event.Failed {
		a.text(semconv.ErrorTypeKey, string(v.Reason))
	}
	a.text("tlstrace.reason", string(v.Reason))
	a.text("tlstrace.layer", string(v.Layer))
	a.text("tlstrace.phase", string(v.Phase))
	a.text("tlstrace.gave_up", string(v.GaveUp))
	a.text("tlstrace.look_at", string(v.LookAt))
	a.text("tlstrace.confidence", string(v.Confidence))
	a.long("tlstrace.hint", v.Hint, maxSentence)
}

// ends are both ends of the connection, and the one that was observed again under the conventions' names for where a record comes from.
func (a *attributes) ends(e *event.Event) {
	a.text(semconv.NetworkTransportKey, "tcp")
	a.family(e.Server.Addr)
	a.address(semconv.ClientAddressKey, semconv.ClientPortKey, &e.Client)
	a.address(semconv.ServerAddressKey, semconv.ServerPortKey, &e.Server)
	a.end("tlstrace.client.", &e.Client)
	a.end("tlstrace.server.", &e.Server)
	switch e.ObservedFrom {
	case event.FromClient, event.FromBoth:
		a.local(&e.Client)
	case event.FromServer:
		a.local(&e.Server)
	}
}

func (a *attributes) family(addr netip.Addr) {
	switch {
	case addr.Unmap().Is4():
		a.text(semconv.NetworkTypeKey, "ipv4")
	case addr.Is6():
		a.text(semconv.NetworkTypeKey, "ipv6")
	}
}

func (a *attributes) address(addr, port attribute.Key, p *event.Endpoint) {
	if p.Addr.IsValid() {
		a.text(addr, p.Addr.String())
	}
	a.count(port, int64(p.Port))
}

func (a *attributes) end(prefix attribute.Key, p *event.Endpoint) {
	if p.Process != nil {
		a.number(prefix+"process.pid", int64(p.Process.PID))
		a.text(prefix+"process.comm", p.Process.Comm)
		a.text(prefix+"process.exe", p.Process.Exe)
	}
	if k := p.K8s; k != nil {
		a.text(prefix+"k8s.namespace", k.Namespace)
		a.text(prefix+"k8s.pod", k.Pod)
		a.text(prefix+"k8s.container", k.Container)
		a.text(prefix+"k8s.workload", k.Workload)
		a.text(prefix+"k8s.service", k.Service)
		a.text(prefix+"k8s.service_account", k.ServiceAccount)
		a.text(prefix+"k8s.node", k.Node)
		a.flag(prefix+"k8s.sidecar", k.Sidecar)
	}
}

func (a *attributes) local(p *event.Endpoint) {
	if p.Process != nil {
		a.number(semconv.ProcessPIDKey, int64(p.Process.PID))
		a.text(semconv.ProcessExecutableNameKey, p.Process.Comm)
		a.text(semconv.ProcessExecutablePathKey, p.Process.Exe)
	}
	if k := p.K8s; k != nil {
		a.text(semconv.K8SNamespaceNameKey, k.Namespace)
		a.text(semconv.K8SPodNameKey, k.Pod)
		a.text(semconv.K8SContainerNameKey, k.Container)
		a.text(semconv.K8SNodeNameKey, k.Node)
	}
}

func (a *attributes) tls(e *event.Event) {
	t := e.TLS
	if t == nil {
		return
	}
	if version, ok := strings.CutPrefix(t.Version, "TLS "); ok {
		a.text(semconv.TLSProtocolNameKey, "tls")
		a.text(semconv.TLSProtocolVersionKey, version)
	}
	a.text("tlstrace.tls.version", t.Version)
	a.text(semconv.TLSCipherKey, t.Cipher)
	a.text(semconv.TLSCurveKey, t.Group)
	a.text(semconv.TLSNextProtocolKey, t.ALPN)
	a.texts(semconv.TLSClientSupportedCiphersKey, t.OfferedCiphers)
	a.text(serverName, t.SNI)
	*a = append(*a, semconv.TLSEstablished(e.Outcome == event.Succeeded))
	a.flag(semconv.TLSResumedKey, t.Resumed)
	a.texts("tlstrace.tls.offered_versions", t.OfferedVersions)
	a.texts("tlstrace.tls.offered_alpn", t.OfferedALPN)
	a.texts("tlstrace.tls.offered_groups", t.OfferedGroups)
	a.text("tlstrace.tls.ja4", t.JA4)
	a.flag("tlstrace.tls.early_data", t.EarlyData)
	a.flag("tlstrace.tls.hello_retry", t.HelloRetry)
	a.text("tlstrace.tls.client_auth", string(t.ClientAuth))
	a.flag("tlstrace.tls.truncated", t.Truncated)
}

// facts are the rest of what the verdict rests on. The trail of records is left to the JSON log.
func (a *attributes) facts(e *event.Event) {
	if m := e.Mesh; m != nil {
		a.text("tlstrace.mesh.direction", m.Direction)
		a.text("tlstrace.mesh.service", m.Service)
		a.count("tlstrace.mesh.port", int64(m.Port))
		a.text("tlstrace.mesh.subset", m.Subset)
	}
	if t := e.Alert; t != nil {
		a.text("tlstrace.alert.sender", string(t.Sender))
		a.text("tlstrace.alert.level", t.Level)
		if t.Code != nil {
			a.number("tlstrace.alert.code", int64(*t.Code))
		}
		a.text("tlstrace.alert.name", t.Name)
		a.flag("tlstrace.alert.encrypted", t.Encrypted)
	}
	if l := e.Library; l != nil {
		a.text("tlstrace.library.name", l.Name)
		a.text("tlstrace.library.version", l.Version)
		a.text("tlstrace.library.side", string(l.Side))
		a.count("tlstrace.library.error_code", l.ErrorCode)
		a.text("tlstrace.library.error_text", l.ErrorText)
		a.count("tlstrace.library.verify_code", int64(l.VerifyCode))
		a.text("tlstrace.library.verify_text", l.VerifyText)
		a.count("tlstrace.library.verify_depth", int64(l.VerifyDepth))
	}
	a.text("tlstrace.tcp.closed_by", string(e.TCP.ClosedBy))
	a.text("tlstrace.tcp.how", string(e.TCP.How))
	a.text("tlstrace.tcp.reset_by", string(e.TCP.ResetBy))
	a.text("tlstrace.tcp.reset_reason", e.TCP.ResetReason)
	a.text("tlstrace.tcp.error", e.TCP.Error)
}
