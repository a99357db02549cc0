package library

import (
	"bytes"
	"regexp"
)

// longestVersion is more than the text of a version takes.
const longestVersion = 64

// version looks in the read-only data for a text that begins with mark and matches; it returns the first group of the match,
// "" if there is none.
func (img *Image) version(mark string, text *regexp.Regexp) string {
	r := img.contents(img.File.Section(".rodata"))
	if r == nil {
		return ""
	}
	version := ""
	_ = walk(r, longestVersion, func(_ int64, piece []byte) bool { // what could be read is what counts
		for at := 0; version == ""; at++ {
			next := bytes.Index(piece[at:], []byte(mark))
			if next < 0 {
				break
			}
			at += next
			candidate := piece[at:min(len(piece), at+longestVersion)]
			if m := text.FindSubmatchIndex(candidate); m != nil && m[0] == 0 {
				version = string(candidate[m[2]:m[3]])
			}
		}
		return version == ""
	})
	return version
}
