package proxylog

import (
	"fmt"
	"regexp"
	"strings"
)

// The formats of text access logs that are known without being told, newest first.
const (
	// IstioFormat is Istio's default since 1.9 (EnvoyTextLogFormat in pilot/pkg/model/telemetry_logging.go).
	IstioFormat = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
		`%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% ` +
		`%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ` +
		`"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ` +
		`%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%`
	// istioMixerFormat was Istio's from 1.3 to 1.8.
	istioMixerFormat = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
		`"%DYNAMIC_METADATA(istio.mixer:status)%" "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% ` +
		`%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ` +
		`"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ` +
		`%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%`
	// EnvoyFormat is Envoy's default (its documentation, "Access logging: default format string"). It has no room for the reason of a
	// failure: that is in none of its fields.
	EnvoyFormat = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
		`%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ` +
		`"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`
	// The HTTP and TCP formats that the documentation of Envoy Gateway and Istio's tasks use for the listener's own access log.
	listenerFormat = `[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DOWNSTREAM_TRANSPORT_FAILURE_REASON%`
)

var knownFormats = []string{IstioFormat, istioMixerFormat, EnvoyFormat, listenerFormat}

// Format is an access log's format string, made to read lines.
type Format struct {
	line   *regexp.Regexp
	fields []field // of the submatches, in their order
}

// maxFormat bounds the length of a format string in bytes.
const maxFormat = 16 << 10

// operator finds a command operator of a format string: %NAME(argument):length%.
var operator = regexp.MustCompile(`%([A-Z_0-9]+)(\([^%]*\))?(:\d+)?%|%%`)

// NewFormat compiles a format string of Envoy ("Access logging: command operators" in its documentation), as it is configured in
// Istio's accessLogFormat or in Envoy's text_format_source. A line has to fit it from its first byte to its last.
func NewFormat(text string) (*Format, error) {
	text = strings.TrimRight(strings.TrimSuffix(text, `\n`), "\r\n")
	if len(text) > maxFormat {
		return nil, fmt.Errorf("an access log format of %d bytes: more than %d", len(text), maxFormat)
	}
	f := &Format{}
	var pattern strings.Builder
	pattern.WriteString(`^`)
	last := 0
	for _, at := range operator.FindAllStringSubmatchIndex(text, -1) {
		pattern.WriteString(regexp.QuoteMeta(text[last:at[0]]))
		last = at[1]
		if at[2] < 0 { // %% is a percent sign
			pattern.WriteByte('%')
			continue
		}
		op, argument := text[at[2]:at[3]], ""
		if at[4] >= 0 {
			argument = text[at[4]:at[5]]
		}
		f.fields = append(f.fields, fieldOf(op))
		pattern.WriteString(shape(op, argument, !strings.Contains(text[at[1]:], "_FAILURE_REASON%")))
	}
	pattern.WriteString(regexp.QuoteMeta(text[last:]) + `$`)
	if len(f.fields) == 0 {
		return nil, fmt.Errorf("an access log format without a command operator such as %%RESPONSE_FLAGS%%")
	}
	line, err := regexp.Compile(pattern.String())
	if err != nil {
		return nil, fmt.Errorf("access log format: %w", err)
	}
	f.line = line
	return f, nil
}

// shape is what the value of an operator may look like. Headers, metadata and a few texts hold blanks; the method and the path of a
// request cannot (RFC 9112 section 3, RFC 9113 section 8.3.1). What a client may have put into a header must not pass for the fields that
// follow it: until the reason of a failure is past, a header holds no quotes.
func shape(op, argument string, past bool) string {
	switch op {
	case "BYTES_RECEIVED", "BYTES_SENT", "DURATION", "RESPONSE_CODE":
		return `(\d+|-|)`
	case "REQ", "REQ_WITHOUT_QUERY":
		switch {
		case strings.HasSuffix(argument, ":METHOD)"), strings.HasSuffix(argument, "PATH)"):
			return `(\S*)`
		case !past:
			return `([^"]*)`
		}
		return `(.*?)`
	case "START_TIME", "EMIT_TIME":
		return `([^\]"]*)`
	}
	if wordy[op] {
		return `(.*?)`
	}
	return `([^\s"]*)`
}

// wordy are the operators whose values may hold blanks. It is read only.
var wordy = map[string]bool{
	"RESP": true, "TRAILER": true, "DYNAMIC_METADATA": true, "CLUSTER_METADATA": true, "UPSTREAM_METADATA": true, "METADATA": true,
	"FILTER_STATE": true, "UPSTREAM_FILTER_STATE": true, "CEL": true, "ENVIRONMENT": true, "ROUTE_NAME": true, "LOCAL_REPLY_BODY": true,
	"DOWNSTREAM_PEER_SUBJECT": true, "DOWNSTREAM_PEER_ISSUER": true, "DOWNSTREAM_LOCAL_SUBJECT": true,
	"UPSTREAM_PEER_SUBJECT": true, "UPSTREAM_PEER_ISSUER": true, "UPSTREAM_LOCAL_SUBJECT": true,
	"DOWNSTREAM_TRANSPORT_FAILURE_REASON": true, "UPSTREAM_TRANSPORT_FAILURE_REASON": true,
}

// match reads one line.
func (f *Format) match(line string) (access, bool) {
	values := f.line.FindStringSubmatch(line)
	if values == nil {
		return access{}, false
	}
	var a access
	for i, field := range f.fields {
		a.set(field, values[i+1])
	}
	return a, true
}

// defaultFormats compiles the formats that are known.
func defaultFormats() []*Format {
	var all []*Format
	for _, text := range knownFormats {
		f, err := NewFormat(text)
		if err != nil {
			panic(err) // a constant of this package is no format: a mistake in this program
		}
		all = append(all, f)
	}
	return all
}
