package stream

import (
	"mime"
	"strconv"
	"strings"
)

// The forms in which events are served.
const (
	typeLines  = "application/x-ndjson"
	typeEvents = "text/event-stream"
)

// negotiate chooses the form by the header Accept (RFC 9110 section 12.5.1); "" if it allows neither. Lines are preferred if both are
// as good.
func negotiate(accept []string) string {
	if strings.TrimSpace(strings.Join(accept, "")) == "" {
		return typeLines
	}
	lines, events := 0.0, 0.0
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			kind, quality := mediaRange(part)
			switch kind {
			case typeLines, "application/*", "application/json":
				lines = max(lines, quality)
			case typeEvents, "text/*":
				events = max(events, quality)
			case "*/*":
				lines = max(lines, quality/2) // what is named is meant more than what is only allowed
				events = max(events, quality/4)
			}
		}
	}
	switch {
	case lines == 0 && events == 0:
		return ""
	case events > lines:
		return typeEvents
	}
	return typeLines
}

// mediaRange reads one range of Accept and its quality, from 0 to 1.
func mediaRange(text string) (string, float64) {
	kind, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return "", 0
	}
	q, given := parameters["q"]
	if !given {
		return kind, 1
	}
	quality, err := strconv.ParseFloat(q, 64)
	if err != nil || !(quality >= 0 && quality <= 1) {
		return "", 0
	}
	return kind, quality
}
