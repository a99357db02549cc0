package sink

import "github.com/tlstrace/tlstrace/event"

// DecodeJSON reads one event, as [AppendJSON] wrote it, for readers who find their lines themselves. Fields that are not known are
// ignored. The error says what is wrong ([ErrUnknownSchema] among it), and holds nothing unsafe of the line.
func DecodeJSON(line []byte) (event.Event, error) { return decodeLine(line, nil) }
