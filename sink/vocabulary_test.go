package sink

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// vocabulary is what the source of package event says beyond what reflection can see.
type vocabulary struct {
	sets     map[string][]string // members of the closed sets, by the name of their type, in their order
	gaps     []string            // the Gap... constants
	comments map[string]string   // of fields, as Type.Field
}

func readVocabulary(t testing.TB) vocabulary {
	t.Helper()
	v := vocabulary{sets: map[string][]string{}, comments: map[string]string{}}
	files, err := filepath.Glob("../event/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, raw, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				v.constant(n)
			case *ast.TypeSpec:
				v.fields(n)
			}
			return true
		})
	}
	return v
}

func (v *vocabulary) constant(spec *ast.ValueSpec) {
	if len(spec.Values) != 1 {
		return
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	value, _ := strconv.Unquote(literal.Value)
	switch kind, ok := spec.Type.(*ast.Ident); {
	case ok:
		v.sets[kind.Name] = append(v.sets[kind.Name], value)
	case strings.HasPrefix(spec.Names[0].Name, "Gap"):
		v.gaps = append(v.gaps, value)
	}
}

func (v *vocabulary) fields(spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range structure.Fields.List {
		comment := f.Comment.Text()
		if comment == "" {
			comment = f.Doc.Text()
		}
		for _, name := range f.Names {
			v.comments[spec.Name.Name+"."+name.Name] = plainComment(comment)
		}
	}
}

var docLink = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

// plainComment is a comment in one line, without links that only Go's documentation can follow.
func plainComment(text string) string {
	return docLink.ReplaceAllString(strings.Join(strings.Fields(text), " "), "$1")
}

// node is a schema, or a part of one. encoding/json writes its keys in alphabetical order.
type node map[string]any

// schemaOf is the JSON Schema (2020-12) of [event.Event].
func schemaOf(v vocabulary) node {
	s := v.object(reflect.TypeFor[event.Event]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://github.com/tlstrace/tlstrace/blob/main/docs/event.schema.json"
	s["title"] = "A TLS handshake, as tlstrace tells of it: " + event.Schema
	s["description"] = "Within a version fields are added, never renamed or removed: a reader ignores those that it does not know."
	s["properties"].(node)["schema"] = node{"const": event.Schema}
	return s
}

func (v vocabulary) object(typ reflect.Type) node {
	properties, required := node{}, []string{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := v.value(f.Type)
		if comment := v.comments[typ.Name()+"."+f.Name]; comment != "" {
			p["description"] = comment
		}
		if typ == reflect.TypeFor[event.Gap]() && f.Name == "Why" {
			p["enum"] = v.gaps
		}
		properties[name] = p
		if options != "omitempty" && options != "omitzero" {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	o := node{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// value is the schema of a field's type. What a number counts or measures is never negative.
func (v vocabulary) value(typ reflect.Type) node {
	switch typ {
	case reflect.TypeFor[time.Time]():
		return node{"type": "string", "format": "date-time"}
	case reflect.TypeFor[netip.Addr]():
		// Empty if it is not known. A zone is no part of either format.
		return node{"type": "string", "anyOf": []node{
			{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": "^[0-9a-f:.]+%.+$"}, {"const": ""},
		}}
	case reflect.TypeFor[netip.AddrPort]():
		return node{"type": "string", "pattern": `^([0-9.]+|\[[0-9a-f:.]+(%.+)?\]):[0-9]+$`}
	}
	if set := v.sets[typ.Name()]; typ.Kind() == reflect.String && set != nil {
		return node{"type": "string", "enum": set}
	}
	switch typ.Kind() {
	case reflect.Struct:
		return v.object(typ)
	case reflect.Pointer:
		return v.value(typ.Elem())
	case reflect.Slice:
		return node{"type": "array", "items": v.value(typ.Elem())}
	case reflect.String:
		return node{"type": "string"}
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Uint8:
		return node{"type": "integer", "minimum": 0, "maximum": math.MaxUint8}
	case reflect.Uint16:
		return node{"type": "integer", "minimum": 0, "maximum": math.MaxUint16}
	case reflect.Uint32:
		return node{"type": "integer", "minimum": 0, "maximum": math.MaxUint32}
	case reflect.Int, reflect.Uint64:
		return node{"type": "integer", "minimum": 0}
	case reflect.Int64: // the errors of GnuTLS are negative
		return node{"type": "integer"}
	case reflect.Float64:
		return node{"type": []string{"number", "null"}, "minimum": 0} // null: not finite
	}
	panic("a kind of field that the schema does not know: " + typ.String())
}
