package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// tables maps a Wireshark field to its numbers' names.
type tables map[string]map[uint64]string

// read adds the value lines of r: V, field, number or range of numbers, name, separated by tabs.
// The name "-" takes numbers out again. Other kinds of line and comments (#) are passed over.
func (t tables) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		part := strings.Split(lines.Text(), "\t")
		if part[0] != "V" {
			continue
		}
		if len(part) != 4 {
			return fmt.Errorf("line %d: %d fields, want 4", n, len(part))
		}
		if err := t.set(part[1], part[2], part[3]); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

func (t tables) set(field, numbers, name string) error {
	from, to, isRange := strings.Cut(numbers, "-")
	if !isRange {
		to = from
	}
	first, err := strconv.ParseUint(from, 0, 16)
	if err != nil {
		return err
	}
	last, err := strconv.ParseUint(to, 0, 16)
	if err != nil {
		return err
	}
	if t[field] == nil {
		t[field] = map[uint64]string{}
	}
	for n := first; n <= last; n++ {
		if name == "-" {
			delete(t[field], n)
		} else {
			t[field][n] = name
		}
	}
	return nil
}

// verbatim keeps a name but for Wireshark's remarks. GREASE has no name: it is left out wherever it appears (RFC 8701).
func verbatim(name string) string {
	name, _, _ = strings.Cut(name, " (")
	if name == "Reserved" {
		return ""
	}
	return name
}

// snake turns Wireshark's words into the RFC's identifier; what already is one (corrections.txt) is kept.
func snake(name string) string {
	if !strings.Contains(name, " ") && strings.Contains(name, "_") {
		return name
	}
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}
