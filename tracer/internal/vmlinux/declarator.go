package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
)

var errCannotDeclare = errors.New("cannot be written in C by this program")

// declare writes the declaration of name with type t in C, without the semicolon. The bodies of unnamed structures
// are written with the given indent.
func declare(t btf.Type, name, indent string) (string, error) {
	switch t := t.(type) {
	case *btf.Pointer:
		return declare(t.Target, parenthesise(t.Target, "*"+name), indent)
	case *btf.Array:
		return declare(t.Type, fmt.Sprintf("%s[%d]", name, t.Nelems), indent)
	case *btf.Const:
		return qualify("const", t.Type, name, indent)
	case *btf.Volatile:
		return qualify("volatile", t.Type, name, indent)
	case *btf.Restrict:
		return declare(t.Type, name, indent)
	case *btf.TypeTag:
		return declare(t.Type, name, indent)
	}
	base, err := specifier(t, indent)
	if err != nil {
		return "", err
	}
	if name == "" || name[0] == '*' {
		return strings.TrimSuffix(base+" "+name, " "), nil
	}
	return base + " " + name, nil
}

// qualify puts a qualifier before a type, or after the asterisk of a pointer.
func qualify(word string, t btf.Type, name, indent string) (string, error) {
	if p, ok := t.(*btf.Pointer); ok {
		return declare(p, word+" "+name, indent)
	}
	text, err := declare(t, name, indent)
	return word + " " + text, err
}

func parenthesise(target btf.Type, name string) string {
	if _, ok := target.(*btf.Array); ok {
		return "(" + name + ")"
	}
	return name
}

// specifier writes what stands before the name in a declaration.
func specifier(t btf.Type, indent string) (string, error) {
	switch t := t.(type) {
	case *btf.Void:
		return "void", nil
	case *btf.Int:
		return t.Name, nil
	case *btf.Typedef:
		return t.Name, nil
	case *btf.Fwd:
		return t.Kind.String() + " " + t.Name, nil
	case *btf.Enum:
		return named("enum", t.Name)
	case *btf.Struct:
		return composite("struct", t.Name, t.Members, indent)
	case *btf.Union:
		return composite("union", t.Name, t.Members, indent)
	}
	return "", fmt.Errorf("%v: %w", t, errCannotDeclare)
}

func named(kind, name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("unnamed %s: %w", kind, errCannotDeclare)
	}
	return kind + " " + name, nil
}

func composite(kind, name string, members []btf.Member, indent string) (string, error) {
	if name != "" {
		return kind + " " + name, nil
	}
	text, err := body(members, indent)
	return kind + " " + text, err
}

// body writes the members of a structure in braces.
func body(members []btf.Member, indent string) (string, error) {
	var b strings.Builder
	b.WriteString("{\n")
	for _, m := range members {
		text, err := declare(m.Type, m.Name, indent+"\t")
		if err != nil {
			return "", fmt.Errorf("member %s: %w", m.Name, err)
		}
		if m.BitfieldSize > 0 {
			text += fmt.Sprintf(": %d", m.BitfieldSize)
		}
		b.WriteString(indent + "\t" + text + ";\n")
	}
	b.WriteString(indent + "}")
	return b.String(), nil
}
