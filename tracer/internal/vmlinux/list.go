package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Entry is one block of the list: a type and what is wanted of it.
type Entry struct {
	Line    int    // in the list, from 1
	Kind    string // struct, union, typedef or enum
	Name    string // empty for enumerators of unnamed enums
	Arch    string // as in __TARGET_ARCH_x86; empty for every architecture
	Whole   bool   // all members, laid out in C as in the kernel
	Fixed   bool   // never relocated
	Members []string
}

// String is the entry's name in C.
func (e *Entry) String() string {
	if e.Kind == "typedef" {
		return e.Name
	}
	return strings.TrimSpace(e.Kind + " " + e.Name)
}

// All tells whether every member is wanted.
func (e *Entry) All() bool {
	return e.Whole || slices.Contains(e.Members, "*")
}

// ReadList reads a list of types in the format that types.txt begins with. Errors name the line.
func ReadList(r io.Reader) ([]*Entry, error) {
	var list []*Entry
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		words := strings.Fields(text)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if text[0] == ' ' || text[0] == '\t' {
			if err := addMember(list, words); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			continue
		}
		e, err := readEntry(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		e.Line = n
		list = append(list, e)
	}
	return list, lines.Err()
}

func addMember(list []*Entry, words []string) error {
	if len(list) == 0 {
		return fmt.Errorf("member %s before any type", words[0])
	}
	e := list[len(list)-1]
	switch {
	case len(words) > 1:
		return fmt.Errorf("want one member a line, have %q", strings.Join(words, " "))
	case e.Whole:
		return fmt.Errorf("%s is taken whole: list no members", e)
	case slices.Contains(e.Members, words[0]):
		return fmt.Errorf("%s lists %s twice", e, words[0])
	}
	e.Members = append(e.Members, words[0])
	return nil
}

func readEntry(words []string) (*Entry, error) {
	var e Entry
	if words[0] == "x86" {
		e.Arch, words = words[0], words[1:]
	}
	if len(words) == 0 || len(words) > 2 {
		return nil, fmt.Errorf("want a kind and a name")
	}
	e.Kind = words[0]
	switch words[0] {
	case "struct", "union", "typedef", "enum":
	case "context", "fixed":
		e.Kind, e.Whole, e.Fixed = "struct", true, words[0] == "fixed"
	default:
		return nil, fmt.Errorf("%q is no kind: want struct, context, fixed, union, typedef or enum", words[0])
	}
	if len(words) == 2 {
		e.Name = words[1]
	} else if e.Kind != "enum" {
		return nil, fmt.Errorf("%s needs a name", words[0])
	}
	return &e, nil
}
