package proxylog

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// content is what a program wrote, out of what others put around it.
type content struct {
	text []byte
	raw  []byte     // the text with what others than a runtime may have put before it
	time time.Time  // when the container runtime got it; zero if there was none
	pod  *event.K8s // whose it is, if the wrapper tells
}

// unwrapper takes off what container runtimes put around lines, and joins the parts of lines that they have split: containerd and CRI-O
// after 16 KiB (CRI, "TIME stdout P text", where F ends the line), Docker's json-file likewise.
type unwrapper struct {
	parts   map[string][]byte // of the streams stdout and stderr
	dropped map[string]bool   // the line of the stream grew too long
	tooLong uint64
}

func newUnwrapper() *unwrapper {
	return &unwrapper{parts: map[string][]byte{}, dropped: map[string]bool{}}
}

// dockerBegin is how every line of Docker's json-file driver begins; its writer has a fixed order of keys (daemon/logger/jsonfilelog).
var dockerBegin = []byte(`{"log":"`)

// wrapped says whether a line may be one of a container runtime, by its first bytes.
func wrapped(line []byte) bool {
	return len(line) > len(dockerBegin) &&
		(line[0] >= '0' && line[0] <= '9' || line[2] == dockerBegin[2] && bytes.HasPrefix(line, dockerBegin))
}

// criHead cuts a CRI line: time, stream, tag, text. It looks at the first bytes only.
func criHead(line []byte) (stamp, stream, tag, text []byte, ok bool) {
	const longestStamp = len("2006-01-02T15:04:05.000000000+00:00")
	at := bytes.IndexByte(line[:min(len(line), longestStamp+1)], ' ')
	if at < len("2006-01-02T15:04:05Z") {
		return nil, nil, nil, nil, false
	}
	rest := line[at+1:]
	if len(rest) < len("stdout F") || !bytes.HasPrefix(rest, []byte("stdout ")) && !bytes.HasPrefix(rest, []byte("stderr ")) {
		return nil, nil, nil, nil, false
	}
	stamp, stream, rest = line[:at], rest[:6], rest[7:]
	tag, text, _ = bytes.Cut(rest, []byte(" "))
	return stamp, stream, tag, text, len(tag) > 0
}

// dockerEnd is between the text and the rest of a json-file line, if the text is a whole line.
var dockerEnd = []byte(`\n","stream":"`)

// peek returns what is in a wrapper as far as that can be seen without decoding it, and says whether the line is a part of one or
// ends one that was split, so that it cannot be judged by itself. It is asked of every line, and looks at few bytes of it.
func (u *unwrapper) peek(line []byte) (text []byte, split bool) {
	if line[0] == '{' {
		tail := line[max(0, len(line)-dockerTail):]
		return line[len(dockerBegin):], len(u.parts)+len(u.dropped) > 0 || !bytes.Contains(tail, dockerEnd)
	}
	_, stream, tag, text, ok := criHead(line)
	if !ok {
		return line, false
	}
	return text, tag[0] == 'P' || len(u.parts)+len(u.dropped) > 0 && u.pending(stream)
}

func (u *unwrapper) pending(stream []byte) bool {
	_, has := u.parts[string(stream)]
	return has || u.dropped[string(stream)]
}

// dockerTail is where the end of the text is looked for, in bytes from the end of the line: labels may follow it.
const dockerTail = 512

// unwrap takes the wrapper off, and holds back what is only a part.
func (u *unwrapper) unwrap(line []byte) (content, bool) {
	if bytes.HasPrefix(line, dockerBegin) {
		if c, stream, whole, ok := dockerLine(line); ok {
			return u.join(c, stream, whole)
		}
	}
	if stamp, stream, tag, text, ok := criHead(line); ok {
		at, _ := parseTime(string(stamp))
		return u.join(content{text: text, time: at}, string(stream), tag[0] != 'P')
	}
	return unprefixed(line), true
}

// dockerLine decodes a json-file line.
func dockerLine(line []byte) (c content, stream string, whole, ok bool) {
	var docker struct {
		Log    string `json:"log"`
		Stream string `json:"stream"`
		Time   string `json:"time"`
	}
	if json.Unmarshal(line, &docker) != nil || docker.Stream != "stdout" && docker.Stream != "stderr" {
		return content{}, "", false, false
	}
	text, whole := strings.CutSuffix(docker.Log, "\n")
	at, _ := parseTime(docker.Time)
	return content{text: []byte(text), time: at}, docker.Stream, whole, true
}

// join adds a part to those before it, and returns the line when it is whole.
func (u *unwrapper) join(c content, stream string, whole bool) (content, bool) {
	before, pending := u.parts[stream]
	if !pending && !u.dropped[stream] && whole {
		return c, true
	}
	switch {
	case u.dropped[stream]:
	case len(before)+len(c.text) > MaxLine:
		delete(u.parts, stream)
		u.dropped[stream] = true
		u.tooLong++
	default:
		u.parts[stream] = append(before, c.text...)
	}
	if !whole {
		return content{}, false
	}
	c.text = u.parts[stream]
	dropped := u.dropped[stream]
	delete(u.parts, stream)
	delete(u.dropped, stream)
	return c, !dropped
}

// unprefixed takes off what kubectl, stern and docker compose put before lines: "[pod/web-1/istio-proxy] ", "web-1 istio-proxy ",
// "web-1  | ", and a time.
func unprefixed(line []byte) content {
	c := content{text: line, raw: line}
	text := string(line[:min(len(line), 2*maxHead)])
	if rest, ok := strings.CutPrefix(text, "[pod/"); ok {
		if who, _, ok := strings.Cut(rest, "] "); ok {
			pod, container, _ := strings.Cut(who, "/")
			c.pod = &event.K8s{Pod: name(pod), Container: name(container), Sidecar: container == sidecar}
			c.text = line[len("[pod/")+len(who)+len("] "):]
		}
	} else if pod, _, ok := strings.Cut(text, " "+sidecar+" "); ok && pod != "" && !strings.ContainsAny(pod, " \t\"{[") {
		c.pod = &event.K8s{Pod: name(pod), Container: sidecar, Sidecar: true}
		c.text = line[len(pod)+len(sidecar)+2:]
	} else if who, _, ok := strings.Cut(text, " | "); ok && !strings.ContainsAny(strings.TrimRight(who, " "), " \t\"{[") {
		c.text = line[len(who)+len(" | "):]
	}
	if at := bytes.IndexByte(c.text[:min(len(c.text), 40)], ' '); at > 0 {
		if stamp, ok := parseTime(string(c.text[:at])); ok && at+1 < len(c.text) && strings.IndexByte("[{2", c.text[at+1]) >= 0 {
			c.time, c.text = stamp, c.text[at+1:]
		}
	}
	return c
}
