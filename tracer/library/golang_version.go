package library

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// maxGoVersion bounds the text of a version: "go1.26.8", or "devel go1.27-0123456789 Mon Nov 23 16:34:24 2026".
const maxGoVersion = 128

// goVersion returns the version of Go that built the file ("go1.26.8"), from .go.buildinfo in the form that Go 1.18 and later write: 32
// bytes of header, then the length of the version and the version. It returns "" if the file does not say. debug/buildinfo
// would read the lists of modules and settings too, whatever their length.
func goVersion(img *Image) string {
	s := img.File.Section(".go.buildinfo")
	if s == nil {
		return ""
	}
	const header, inline = 32, 2
	b := img.Bytes(s.Addr, header+binary.MaxVarintLen64+maxGoVersion)
	if len(b) < header || !bytes.HasPrefix(b, []byte("\xff Go buildinf:")) || b[15]&inline == 0 {
		return ""
	}
	n, used := binary.Uvarint(b[header:])
	text := b[header+max(used, 0):]
	if used <= 0 || n > maxGoVersion || n > uint64(len(text)) {
		return ""
	}
	version, ok := printableVersion(string(text[:n]))
	if !ok {
		return ""
	}
	return version
}

// printableVersion takes "go1.27-0123456789" from "devel go1.27-0123456789 Mon Nov 23" and "go1.22.5" from "go1.22.5 X:boringcrypto".
func printableVersion(text string) (version string, ok bool) {
	version, _, _ = strings.Cut(strings.TrimPrefix(text, "devel "), " ")
	for _, c := range []byte(version) {
		if c <= ' ' || c > '~' {
			return "", false
		}
	}
	return version, strings.HasPrefix(version, "go1.")
}

// The releases whose layout is known: minor numbers of Go 1.
const (
	firstGoLayout = 22
	lastGoLayout  = 26
)

// goLayouts holds what changes from release to release, from the first release that has it. Tests derive it from the debugging
// information of programs that each release built.
var goLayouts = []struct {
	since  int // minor release
	layout Layout
}{
	{since: 22, layout: Layout{GoIsClient: 16, GoVersion: 72, GoFD: 16, GoTCPConn: 0xbc020cb9, GoVerification: 0xe1085f91}},
	{since: 24, layout: Layout{GoIsClient: 16, GoVersion: 72, GoFD: 16, GoTCPConn: 0x425ea6e6, GoVerification: 0xbf1511e5}},
	{since: 25, layout: Layout{GoIsClient: 16, GoVersion: 72, GoFD: 16, GoTCPConn: 0x43fdf3b9, GoVerification: 0x1ef7a091}},
}

// goLayout returns the offsets for a version, none for one that is not known.
func goLayout(version string) Layout {
	minor, ok := goMinor(version)
	if !ok || minor < firstGoLayout || minor > lastGoLayout {
		return Layout{}
	}
	var layout Layout
	for _, l := range goLayouts {
		if minor >= l.since {
			layout = l.layout
		}
	}
	return layout
}

// goVersionNote says what is not known of a version, "" if all is.
func goVersionNote(version string) string {
	if goLayout(version) != (Layout{}) {
		return ""
	}
	if version == "" {
		return "the file does not say which Go built it: connections are told apart by thread alone"
	}
	return fmt.Sprintf("%s is none of Go 1.%d to 1.%d: connections are told apart by thread alone", version, firstGoLayout, lastGoLayout)
}

// goMinor returns 26 for "go1.26.8", "go1.26rc1" and "go1.26-0123456789".
func goMinor(version string) (minor int, ok bool) {
	digits := strings.TrimPrefix(version, "go1.")
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		digits = digits[:end]
	}
	minor, err := strconv.Atoi(digits)
	return minor, err == nil && strings.HasPrefix(version, "go1.")
}
