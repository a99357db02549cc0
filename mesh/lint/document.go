package lint

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is one YAML or JSON document of a file: the text is kept, so that the position of a field is found if it is asked for.
type document struct {
	source string // name of the file
	chunk
}

// lineOf returns the line of a field ("spec.servers[0].tls") in an object at path at within the document, or that of the
// nearest field above it that is there.
func (d *document) lineOf(root *yaml.Node, at, field string) int {
	node, line := root, root.Line
	for _, s := range append(steps(at), steps(field)...) {
		key, value := s.find(node)
		if value == nil {
			break
		}
		node, line = value, key.Line
	}
	return d.line + line - 1
}

// parse reads the document's structure; nil if it is broken.
func (d *document) parse() *yaml.Node {
	var node yaml.Node
	if yaml.Unmarshal(d.text, &node) != nil || len(node.Content) == 0 {
		return nil
	}
	return node.Content[0]
}

// step is one part of a path: a key, or an index.
type step struct {
	key   string
	index int
	list  bool
}

// steps takes a path apart: spec.ports[0].name, metadata.annotations["sidecar.istio.io/inject"].
func steps(path string) []step {
	var out []step
	for path != "" {
		switch path[0] {
		case '.':
			path = path[1:]
		case '[':
			inside, rest := bracket(path)
			out = append(out, bracketStep(inside))
			path = rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out = append(out, step{key: path[:end]})
			path = path[end:]
		}
	}
	return out
}

// bracket takes the content of the brackets that path begins with; a quoted content may hold brackets itself.
func bracket(path string) (inside, rest string) {
	closing := "]"
	if strings.HasPrefix(path, `["`) {
		closing = `"]`
	}
	inside, rest, _ = strings.Cut(path[1:], closing)
	return strings.TrimPrefix(inside, `"`), rest
}

func bracketStep(inside string) step {
	if i, err := strconv.Atoi(inside); err == nil {
		return step{index: i, list: true}
	}
	return step{key: inside}
}

// find follows one step. key is where the value is said to be: its key in a mapping, itself in a list.
func (s step) find(node *yaml.Node) (key, value *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case s.list && node.Kind == yaml.SequenceNode && s.index >= 0 && s.index < len(node.Content):
		return node.Content[s.index], node.Content[s.index]
	case !s.list && node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == s.key {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}
