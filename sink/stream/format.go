package stream

import (
	"encoding/json"
	"strconv"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/history"
)

// format spells what is sent. Nothing it writes holds a line end but its own: [sink.AppendJSON] and encoding/json escape them.
type format interface {
	// start comes first; a reader who has seen it has seen everything up to the number.
	start(dst []byte, number uint64) []byte
	entry(dst []byte, e *history.Entry) []byte
	notice(dst []byte, n Notice) []byte
	// heartbeat shows that the stream is alive, and that nothing for this reader came up to the number.
	heartbeat(dst []byte, number uint64) []byte
}

// formatOf is the format of a media type.
func formatOf(form string) format {
	if form == typeEvents {
		return eventFormat{}
	}
	return lineFormat{}
}

// lineFormat is newline-delimited JSON. An empty line is a heartbeat: [sink.ReadJSON] ignores it.
type lineFormat struct{}

func (lineFormat) start(dst []byte, _ uint64) []byte { return dst }

func (lineFormat) entry(dst []byte, e *history.Entry) []byte {
	return append(sink.AppendJSON(dst, &e.Event), '\n')
}

func (lineFormat) notice(dst []byte, n Notice) []byte {
	if n.Kind == NoticeEnd {
		return dst // the end says so
	}
	return append(appendNotice(dst, n), '\n')
}

func (lineFormat) heartbeat(dst []byte, _ uint64) []byte { return append(dst, '\n') }

// eventFormat is server-sent events (WHATWG HTML, section 9.2). Their id is the entry's number; a block of an id alone moves the last
// event id of a reader and shows it nothing.
type eventFormat struct{}

func (eventFormat) start(dst []byte, number uint64) []byte {
	return append(appendID(dst, number), '\n')
}

func (eventFormat) entry(dst []byte, e *history.Entry) []byte {
	dst = append(appendID(dst, e.Number), "data: "...)
	return append(sink.AppendJSON(dst, &e.Event), "\n\n"...)
}

func (eventFormat) notice(dst []byte, n Notice) []byte {
	return append(appendNotice(append(dst, "event: notice\ndata: "...), n), "\n\n"...)
}

func (eventFormat) heartbeat(dst []byte, number uint64) []byte {
	return append(appendID(append(dst, ":\n"...), number), '\n')
}

func appendID(dst []byte, number uint64) []byte {
	return append(strconv.AppendUint(append(dst, "id: "...), number, 10), '\n')
}

func appendNotice(dst []byte, n Notice) []byte {
	raw, _ := json.Marshal(n) // strings and numbers only
	return append(dst, raw...)
}
