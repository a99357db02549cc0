package stream

// NoticeSchema names the form of [Notice]. A line with it among events is no event.
const NoticeSchema = "tlstrace.notice/v1"

// Notice is what the hub says about the stream itself: a line of its own among JSON lines, and an event of type notice among
// server-sent events.
type Notice struct {
	Schema string     `json:"schema"`
	Kind   NoticeKind `json:"notice"`
	Text   string     `json:"text"`
	Missed uint64     `json:"missed,omitempty"` // events that were not sent, at least
}

// NoticeKind is a kind of notice.
type NoticeKind string

// The kinds. A stream ends after NoticeSlow, NoticeStopping and NoticeEnd.
const (
	NoticeSlow     NoticeKind = "slow"     // the reader fell behind what is kept, and is dropped
	NoticeGap      NoticeKind = "gap"      // events between those that the reader has seen and what follows are missing
	NoticeStopping NoticeKind = "stopping" // the agent stops
	NoticeEnd      NoticeKind = "end"      // everything that is kept was sent; only to a reader of server-sent events
)

func notice(kind NoticeKind, text string, missed uint64) Notice {
	return Notice{Schema: NoticeSchema, Kind: kind, Text: text, Missed: missed}
}
