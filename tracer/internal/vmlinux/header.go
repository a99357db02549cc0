package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed arm64.h
var arm64 string

const relocated = `#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)`

// WriteHeader writes a selection as a C header that takes the place of a full vmlinux.h.
func WriteHeader(w io.Writer, from Provenance, s *Selection) error {
	var b strings.Builder
	b.WriteString(from.Comment())
	b.WriteString("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n")
	for _, name := range s.Opaque {
		b.WriteString(name + ";\n")
	}
	b.WriteString("\n")
	for _, e := range s.Enums {
		b.WriteString(e.text())
	}
	if err := s.writeTypedefs(&b); err != nil {
		return err
	}
	if err := s.writeComposites(&b, true); err != nil {
		return err
	}
	b.WriteString(arm64 + "\n" + relocated + "\n\n")
	if err := s.writeComposites(&b, false); err != nil {
		return err
	}
	b.WriteString("#pragma clang attribute pop\n\n#endif /* __VMLINUX_H__ */\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (e Enum) text() string {
	var b strings.Builder
	b.WriteString(strings.Join(slices.DeleteFunc([]string{"enum", e.Name, "{\n"}, isEmpty), " "))
	for _, v := range e.Values {
		if e.Signed {
			fmt.Fprintf(&b, "\t%s = %d,\n", v.Name, int64(v.Value))
		} else {
			fmt.Fprintf(&b, "\t%s = %d,\n", v.Name, v.Value)
		}
	}
	b.WriteString("};\n\n")
	return b.String()
}

func isEmpty(s string) bool { return s == "" }

func (s *Selection) writeTypedefs(b *strings.Builder) error {
	for _, t := range s.Typedefs {
		text, err := declare(t.Type, t.Name, "")
		if err != nil {
			return fmt.Errorf("typedef %s: %w", t.Name, err)
		}
		b.WriteString("typedef " + text + ";\n")
	}
	b.WriteString("\n")
	return nil
}

// writeComposites writes either the structures that are never relocated or the others.
func (s *Selection) writeComposites(b *strings.Builder, fixed bool) error {
	for _, c := range s.Composites {
		if c.Entry.Fixed != fixed {
			continue
		}
		text, err := c.text()
		if err != nil {
			return fmt.Errorf("%s: %w", c.Entry, err)
		}
		if c.Entry.Arch != "" {
			text = "#if defined(__TARGET_ARCH_" + c.Entry.Arch + ")\n" + text + "#endif\n"
		}
		b.WriteString(text + "\n")
	}
	return nil
}

func (c Composite) text() (string, error) {
	members, err := body(c.Members, "")
	if err != nil {
		return "", err
	}
	if c.Entry.Kind == "typedef" {
		return "typedef " + c.Keyword + " " + members + " " + c.Entry.Name + ";\n", nil
	}
	text := c.Entry.String() + " " + members + ";\n"
	if c.Entry.Whole {
		text += fmt.Sprintf("_Static_assert(sizeof(%s) == %d, \"%s\");\n", c.Entry, c.Size, c.Entry)
	}
	return text, nil
}
