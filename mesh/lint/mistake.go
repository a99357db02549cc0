package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// mistake is something in a specification that Istio's API does not have.
type mistake struct{ id, field, text string }

// maxMistakes bounds what is reported of one object.
const maxMistakes = 20

// mistakes finds fields that a message does not have, and values that an enumeration does not have, with the path of each. The
// protobuf library stops at the first and does not tell where it is.
func mistakes(message protoreflect.MessageDescriptor, body []byte, path string) []mistake {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return nil // the decoder says why
	}
	var w walk
	w.message(message, value, path)
	return w.found
}

type walk struct{ found []mistake }

func (w *walk) add(id, field, format string, args ...any) {
	if len(w.found) < maxMistakes {
		w.found = append(w.found, mistake{id, field, fmt.Sprintf(format, args...)})
	}
}

func (w *walk) message(m protoreflect.MessageDescriptor, value any, path string) {
	members, ok := value.(map[string]any)
	if !ok || strings.HasPrefix(string(m.FullName()), "google.protobuf.") {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		at := path + "." + key
		field := m.Fields().ByJSONName(key)
		if field == nil {
			field = m.Fields().ByName(protoreflect.Name(key))
		}
		if field == nil {
			w.add(idUnknownField, at, "%s is no field of Istio's API%s", at, orRather(key, fieldNames(m)))
			continue
		}
		w.field(field, members[key], at)
	}
}

func (w *walk) field(f protoreflect.FieldDescriptor, value any, path string) {
	if f.IsMap() {
		members, _ := value.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(members)) {
			w.single(f.MapValue(), members[key], path+"["+strconv.Quote(key)+"]")
		}
		return
	}
	if !f.IsList() {
		w.single(f, value, path)
		return
	}
	items, _ := value.([]any)
	for i, item := range items {
		w.single(f, item, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (w *walk) single(f protoreflect.FieldDescriptor, value any, path string) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		w.message(f.Message(), value, path)
	case protoreflect.EnumKind:
		text, ok := value.(string)
		if ok && f.Enum().Values().ByName(protoreflect.Name(text)) == nil {
			names := enumNames(f.Enum())
			w.add(idInvalid, path, "%s: %q is none of %s%s", path, text, strings.Join(names, ", "), orRather(text, names))
		}
	}
}

func fieldNames(m protoreflect.MessageDescriptor) []string {
	var names []string
	for i := range m.Fields().Len() {
		names = append(names, m.Fields().Get(i).JSONName())
	}
	return names
}

func enumNames(e protoreflect.EnumDescriptor) []string {
	var names []string
	for i := range e.Values().Len() {
		names = append(names, string(e.Values().Get(i).Name()))
	}
	return names
}

// orRather proposes the name that is meant most likely.
func orRather(text string, names []string) string {
	if near := nearest(text, names); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// protoNoise is what the protobuf library puts before and into its errors: positions in a text that the user never saw.
var protoNoise = regexp.MustCompile(`^proto:[\s\x{a0}]*|\(line \d+:\d+\):\s*|json: cannot unmarshal |Go struct field [A-Za-z_]*\.`)

// inWords takes from a library's error what concerns only the library.
func inWords(err error) string {
	text := protoNoise.ReplaceAllString(err.Error(), "")
	text = strings.ReplaceAll(text, " of type map[string]string", ", which must be text")
	return strings.ReplaceAll(text, " of type string", ", which must be text")
}
