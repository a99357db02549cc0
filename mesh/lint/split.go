package lint

import (
	"bytes"
	"iter"
)

// chunk is one YAML document of a file, with the line that it begins in.
type chunk struct {
	text []byte
	line int // from 1
}

// chunks splits a file at the lines that separate YAML documents (YAML 1.2 section 9.1.2: --- and ... at the beginning of a
// line, whatever is around them). Documents without content are left out.
func chunks(text []byte) iter.Seq[chunk] {
	return func(yield func(chunk) bool) {
		start, first, line := 0, 1, 0
		for at := 0; at < len(text); {
			end := nextLine(text, at)
			line++
			switch {
			case separates(text[at:end], "---"):
				if !give(yield, chunk{text[start:at], first}) {
					return
				}
				start, first = at, line
			case separates(text[at:end], "..."):
				if !give(yield, chunk{text[start:at], first}) {
					return
				}
				start, first = end, line+1
			}
			at = end
		}
		give(yield, chunk{text[start:], first})
	}
}

func give(yield func(chunk) bool, c chunk) bool {
	c, some := c.trim()
	return !some || yield(c)
}

// trim drops comments, empty lines and a bare --- from the beginning, so that the chunk's line is that of its content.
func (c chunk) trim() (chunk, bool) {
	for len(c.text) > 0 {
		end := nextLine(c.text, 0)
		content := bytes.TrimSpace(c.text[:end])
		if len(content) > 0 && content[0] != '#' && !bytes.Equal(content, []byte("---")) {
			return c, true
		}
		c.text = c.text[end:]
		c.line++
	}
	return c, false
}

func nextLine(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

func separates(line []byte, mark string) bool {
	rest, found := bytes.CutPrefix(line, []byte(mark))
	return found && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r')
}
