package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// header is what the headers of one version of a library define.
type header struct {
	family  string            // openssl
	version string            // 1.1.1
	values  map[string]string // a macro and what it stands for
	texts   map[string]string // what X509_verify_cert_error_string says of a macro
}

var (
	define = regexp.MustCompile(`^#\s*define\s+([A-Z0-9_]+)\s+(.*\S)`)
	label  = regexp.MustCompile(`^\s*case\s+(X509_V_[A-Z0-9_]+):`)
	phrase = regexp.MustCompile(`"([^"]+)"`)
)

// open reads a file whose name is FAMILY-VERSION.txt.
func open(name string) (header, error) {
	family, version, ok := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".txt"), "-")
	if !ok {
		return header{}, fmt.Errorf("%s: the name should be FAMILY-VERSION.txt", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return header{}, err
	}
	defer file.Close()
	h := header{family: family, version: version, values: map[string]string{}, texts: map[string]string{}}
	if err := h.read(file); err != nil {
		return header{}, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

// read takes the macros, and the texts of the cases of X509_verify_cert_error_string; all else is passed over.
func (h *header) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	var cases []string
	for lines.Scan() {
		line := lines.Text()
		if m := define.FindStringSubmatch(line); m != nil {
			h.values[m[1]] = m[2]
		} else if m := label.FindStringSubmatch(line); m != nil {
			cases = append(cases, m[1])
		} else if m := phrase.FindStringSubmatch(line); m != nil {
			for _, name := range cases {
				h.texts[name] = m[1]
			}
			cases = nil
		}
	}
	return lines.Err()
}

var comment = regexp.MustCompile(`/\*.*?\*/|/\*.*$|//.*$`)

// number works out what a macro stands for: a number, another macro, or some of them joined by | and <<.
func (h *header) number(expression string) (int, error) {
	return h.sum(comment.ReplaceAllString(expression, ""), 0)
}

func (h *header) sum(expression string, depth int) (int, error) {
	if depth > 8 {
		return 0, fmt.Errorf("%q refers to itself", expression)
	}
	n := 0
	for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(expression), "()"), "|") {
		value, shift, shifted := strings.Cut(part, "<<")
		v, err := h.term(value, depth)
		if err != nil {
			return 0, err
		}
		by := 0
		if shifted {
			if by, err = h.term(shift, depth); err != nil || by < 0 || by > 30 {
				return 0, fmt.Errorf("cannot shift by %q: %w", shift, err)
			}
		}
		n |= v << by
	}
	return n, nil
}

func (h *header) term(word string, depth int) (int, error) {
	word = strings.TrimSpace(word)
	if value, known := h.values[word]; known {
		return h.sum(comment.ReplaceAllString(value, ""), depth+1)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(word, "L"), 0, 32)
	return int(n), err
}
