package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Why a YAML document has no JSON form.
var (
	errTooLarge = errors.New("the document is too large once its aliases are expanded")
	errTooDeep  = errors.New("the document is nested too deeply")
	errKey      = errors.New("a key is neither text nor a number")
)

// maxDepth bounds how deep a document may be nested; Kubernetes' own objects stay below 30.
const maxDepth = 200

// encoder writes a YAML node as JSON: the aliases are expanded, and parts that nothing here reads may be dropped. After the first
// error it writes nothing.
type encoder struct {
	out  []byte
	left int             // bytes that may still be written
	drop map[string]bool // keys whose lists and mappings are left out wherever they are
	err  error
}

// dropped are the parts of pods that are of no use here, and may hold secrets (env) or most of the bytes (managedFields).
func dropped() map[string]bool {
	return map[string]bool{
		"managedFields": true, "env": true, "envFrom": true, "volumes": true, "volumeMounts": true, "resources": true,
		"affinity": true, "tolerations": true, "volumeClaimTemplates": true, "topologySpreadConstraints": true,
		"conditions": true, "containerStatuses": true, "initContainerStatuses": true, "podIPs": true, "hostIPs": true,
	}
}

// toJSON spells a YAML value as JSON. bound is the size in bytes that the output must not reach.
func toJSON(node *yaml.Node, bound int, drop map[string]bool) ([]byte, error) {
	e := encoder{left: bound, drop: drop}
	e.value(node, 0)
	return e.out, e.err
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) put(text string) {
	e.left -= len(text)
	if e.left < 0 {
		e.fail(errTooLarge)
	}
	if e.err == nil {
		e.out = append(e.out, text...)
	}
}

func (e *encoder) value(n *yaml.Node, depth int) {
	if depth > maxDepth {
		e.fail(errTooDeep)
	}
	if e.err != nil {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		e.value(n.Alias, depth+1)
	case yaml.MappingNode:
		e.put("{")
		e.members(n, depth, "")
		e.put("}")
	case yaml.SequenceNode:
		e.sequence(n, depth)
	default:
		e.scalar(n)
	}
}

func (e *encoder) sequence(n *yaml.Node, depth int) {
	e.put("[")
	for i, item := range n.Content {
		if i > 0 {
			e.put(",")
		}
		e.value(item, depth+1)
	}
	e.put("]")
}

// members writes what is in a mapping, and returns what separates it from what follows. Merged mappings (<<) come first: where a
// key is written twice, JSON's readers take the last.
func (e *encoder) members(n *yaml.Node, depth int, separator string) string {
	if depth > maxDepth {
		e.fail(errTooDeep)
	}
	e.left-- // an empty mapping that is merged over and over writes nothing, and must come to an end too
	if e.left < 0 {
		e.fail(errTooLarge)
	}
	if e.err != nil {
		return separator
	}
	for _, merged := range mergedInto(n) {
		separator = e.members(merged, depth+1, separator)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" || e.drop[key.Value] && value.Kind != yaml.ScalarNode {
			continue // a label may be called env
		}
		if key.Kind != yaml.ScalarNode {
			e.fail(fmt.Errorf("line %d: %w", key.Line, errKey))
		}
		e.put(separator)
		e.text(key.Value)
		e.put(":")
		e.value(value, depth+1)
		separator = ","
	}
	return separator
}

// mergedInto lists the mappings that are merged into one, the weakest first.
func mergedInto(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := resolved(n.Content[i+1])
		if from.Kind == yaml.MappingNode {
			out = append(out, from)
		}
		for _, item := range from.Content {
			if item = resolved(item); from.Kind == yaml.SequenceNode && item.Kind == yaml.MappingNode {
				out = append([]*yaml.Node{item}, out...) // the first of a list wins
			}
		}
	}
	return out
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// decimal are the integers that YAML and JSON spell alike.
var decimal = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

func (e *encoder) scalar(n *yaml.Node) {
	switch n.ShortTag() {
	case "!!null":
		e.put("null")
	case "!!bool", "!!int", "!!float":
		if decimal.MatchString(n.Value) {
			e.put(n.Value)
		} else {
			e.number(n)
		}
	default:
		e.text(n.Value)
	}
}

// number writes what YAML spells in more ways than JSON does: True, 0x1f, 1_000, .5
func (e *encoder) number(n *yaml.Node) {
	var v any
	err := n.Decode(&v)
	text, bad := json.Marshal(v)
	if err = errors.Join(err, bad); err != nil {
		e.fail(fmt.Errorf("line %d: %w", n.Line, err))
	}
	e.put(string(text))
}

func (e *encoder) text(s string) {
	if plain(s) {
		e.put(`"`)
		e.put(s)
		e.put(`"`)
		return
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		e.fail(err)
	}
	e.put(string(quoted))
}

// plain says that a text needs no escapes in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}
