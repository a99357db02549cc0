package sink

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tlstrace/tlstrace/event"
)

const schemaFile = "../docs/event.schema.json"

// The published schema is what the types, their closed sets and their comments say.
func TestSchemaIsInStepWithTheTypes(t *testing.T) {
	want, err := json.MarshalIndent(schemaOf(readVocabulary(t)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test ./sink -run Schema -update writes it):\n%s", schemaFile, diff)
	}
}

// The closed sets that are read off the source are those that the package lists.
func TestVocabularyIsComplete(t *testing.T) {
	v := readVocabulary(t)
	for name, want := range map[string][]string{
		"Reason": texts(event.Reasons()), "Layer": texts(event.Layers), "Outcome": texts(event.Outcomes), "Side": texts(event.Sides),
		"Confidence": texts(event.Confidences), "Phase": texts(event.Phases),
		"ClientAuth": texts([]event.ClientAuth{event.ClientAuthRequested, event.ClientAuthEmpty, event.ClientAuthSent}),
	} {
		if diff := cmp.Diff(want, v.sets[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// compiled is the published schema. Strict, it also refuses fields that it does not know: readers must not, but what we write
// has none.
func compiled(t testing.TB, strict bool) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if strict {
		closeObjects(doc)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closeObjects lets every object of a schema have only the fields that it names.
func closeObjects(node any) {
	switch n := node.(type) {
	case map[string]any:
		for _, child := range n {
			closeObjects(child)
		}
		if _, ok := n["properties"].(map[string]any); ok && n["type"] == "object" {
			n["additionalProperties"] = false
		}
	case []any:
		for _, child := range n {
			closeObjects(child)
		}
	}
}

func validate(t testing.TB, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsTheGoldenEvents(t *testing.T) {
	s := compiled(t, true)
	names, events := samples(t)
	for i := range events {
		err := validate(t, s, AppendJSON(nil, &events[i]))
		if hostile := names[i] == "hostile"; hostile != (err != nil) { // it is nothing that tlstrace can have written
			t.Errorf("%s: %v", names[i], err)
		}
	}
	files, err := filepath.Glob("../mesh/*/testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			if !bytes.HasPrefix(line, []byte(`{"schema":"`+event.Schema)) {
				continue
			}
			n++
			if err := validate(t, s, line); err != nil {
				t.Errorf("%s: %s: %v", file, line, err)
			}
		}
	}
	t.Logf("%d samples, %d events of logs", len(events), n)
}

// What encoding/json reads back as an event and a field that a later version adds are events, too.
func TestSchemaAllowsWhatALaterVersionAdds(t *testing.T) {
	e := sample(t, "both_ends")
	raw := append([]byte(`{"number":7,`), AppendJSON(nil, &e)[1:]...)
	raw = bytes.Replace(raw, []byte(`"verdict":{`), []byte(`"verdict":{"later":[1],`), 1)
	if err := validate(t, compiled(t, false), raw); err != nil {
		t.Error(err)
	}
	if err := validate(t, compiled(t, true), raw); err == nil {
		t.Error("the strict schema is not")
	}
}

func TestSchemaAcceptsEventsWithAnyFields(t *testing.T) {
	s := compiled(t, true)
	v := readVocabulary(t)
	for seed := range int64(300) {
		e := validEvent(rand.New(rand.NewSource(seed)), v)
		raw := AppendJSON(nil, &e)
		if err := validate(t, s, raw); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, raw, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t, false)
	e := sample(t, "both_ends")
	good := AppendJSON(nil, &e)
	for _, c := range []struct {
		name string
		path string
		to   any // nil removes the field
	}{
		{"no schema", "schema", nil},
		{"another schema", "schema", "tlstrace.event/v2"},
		{"no time", "time", nil},
		{"no date", "time", "yesterday"},
		{"a reason that is none", "verdict.reason", "bad_luck"},
		{"a layer that is none", "verdict.layer", "transport"},
		{"a side that is none", "verdict.look_at", "both"},
		{"an empty outcome", "outcome", ""},
		{"no verdict", "verdict", nil},
		{"a number for a text", "verdict.summary", 1},
		{"a port beyond the last", "server.port", 65536},
		{"a negative port", "server.port", -1},
		{"a broken port", "server.port", 1.5},
		{"an address that is none", "client.addr", "10.0.0.256"},
		{"a name for an address", "client.addr", "localhost"},
		{"no client", "client", nil},
		{"negative repeats", "repeated", -1},
		{"a text for a list", "tls.offered_versions", "TLS 1.3"},
		{"a list of numbers", "tls.offered_versions", []any{772}},
		{"a text for a switch", "tls.truncated", "yes"},
		{"a negative duration", "duration", -0.5},
		{"an alert beyond a byte", "alert.code", 256},
		{"records without a sender", "records", []any{map[string]any{"type": "alert", "length": 2, "at_us": 0}}},
		{"a gap for no reason", "gaps", []any{map[string]any{"from": "client", "why": "fog"}}},
		{"null for an object", "tcp", json.RawMessage("null")},
		{"null for an optional text", "node", json.RawMessage("null")},
	} {
		if err := validate(t, s, changed(t, good, c.path, c.to)); err == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
	for _, raw := range []string{"null", "[]", "{}", "1", `"event"`} {
		if err := validate(t, s, []byte(raw)); err == nil {
			t.Errorf("%s: accepted", raw)
		}
	}
}

// changed sets one field of an object, or removes it.
func changed(t *testing.T, raw []byte, path string, to any) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split(path, ".")
	at := doc
	for _, key := range keys[:len(keys)-1] {
		if _, there := at[key].(map[string]any); !there {
			at[key] = map[string]any{"sender": "client"} // enough for an alert
		}
		at = at[key].(map[string]any)
	}
	last := keys[len(keys)-1]
	if at[last] = to; to == nil {
		delete(at, last)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every field is in docs/events.md by its path, and every member of a closed set by its name.
func TestEveryFieldIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	v := readVocabulary(t)
	for _, path := range fieldsOf(reflect.TypeFor[event.Event](), "") {
		if !strings.Contains(text, "`"+path+"`") {
			t.Errorf("docs/events.md does not say what %s is", path)
		}
	}
	for name, set := range v.sets {
		for _, member := range set {
			if !strings.Contains(text, "`"+member+"`") {
				t.Errorf("docs/events.md does not name the %s %s", name, member)
			}
		}
	}
	for _, gap := range v.gaps {
		if !strings.Contains(text, "`"+gap+"`") {
			t.Errorf("docs/events.md does not name the gap %s", gap)
		}
	}
	for _, field := range regexp.MustCompile("(?m)^\\| `[^|]*").FindAllString(text, -1) {
		for _, name := range regexp.MustCompile("`([a-zA-Z0-9_.]+)`").FindAllStringSubmatch(field, -1) {
			known := slices.Contains(fieldsOf(reflect.TypeFor[event.Event](), ""), name[1])
			if !known && !slices.Contains(v.sets["Layer"], name[1]) { // the table of reasons has layers there
				t.Errorf("docs/events.md tells of a field %s that there is not", name[1])
			}
		}
	}
}

// fieldsOf lists the JSON fields of a type by their paths, those of both ends as client.
func fieldsOf(typ reflect.Type, prefix string) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() || typ == reflect.TypeFor[netip.Addr]() || typ == reflect.TypeFor[netip.AddrPort]() {
		return nil
	}
	var all []string
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		all = append(all, prefix+name)
		if prefix+name != "server" {
			all = append(all, fieldsOf(typ.Field(i).Type, prefix+name+".")...)
		}
	}
	return all
}

// validEvent is [randomEvent] within what an event can be: members of closed sets, nothing negative, addresses as they come.
func validEvent(r *rand.Rand, v vocabulary) event.Event {
	e := randomEvent(r)
	repair(r, v, reflect.ValueOf(&e).Elem(), false)
	e.Schema = event.Schema
	return e
}

// repair replaces what a random field must not be. An optional member of a closed set may be absent.
func repair(r *rand.Rand, v vocabulary, value reflect.Value, optional bool) {
	switch value.Interface().(type) {
	case time.Time:
		return
	case netip.Addr:
		addrs := []string{"10.0.0.1", "2001:db8::1", "fe80::1%eth0", "::ffff:10.0.0.1"}
		value.Set(reflect.ValueOf(netip.MustParseAddr(addrs[r.Intn(len(addrs))])))
		return
	case netip.AddrPort:
		return
	}
	if set := v.sets[value.Type().Name()]; value.Kind() == reflect.String && set != nil {
		if !optional || value.Len() > 0 {
			value.SetString(set[r.Intn(len(set))])
		}
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			repair(r, v, value.Field(i), strings.Contains(value.Type().Field(i).Tag.Get("json"), ",omitempty"))
		}
		if g, ok := value.Addr().Interface().(*event.Gap); ok {
			g.Why = v.gaps[r.Intn(len(v.gaps))]
		}
	case reflect.Pointer:
		if !value.IsNil() {
			repair(r, v, value.Elem(), false)
		}
	case reflect.Slice:
		for i := range value.Len() {
			repair(r, v, value.Index(i), false)
		}
	case reflect.Int, reflect.Int64:
		value.SetInt(value.Int() & math.MaxInt32)
	case reflect.Float64:
		value.SetFloat(math.Abs(value.Float()))
	}
}

func TestVocabularyKnowsEveryGap(t *testing.T) {
	gaps := readVocabulary(t).gaps
	for _, want := range []string{event.GapReordered, event.GapNotTLS, event.GapTooMany, event.GapTrail} {
		if !slices.Contains(gaps, want) {
			t.Errorf("%s is missing in %v", want, gaps)
		}
	}
}
