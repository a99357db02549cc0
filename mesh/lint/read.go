package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
)

// piece is one object of a document, as JSON.
type piece struct {
	header
	body []byte
	at   place
}

// result is what became of one chunk.
type result struct {
	objects  []object
	problems []Finding
	ignored  []header
}

// reader turns the text of files into objects.
type reader struct {
	kinds     kindsByName
	namespace string // of objects that name none
}

// read takes everything out of one file. The documents are decoded side by side, and added in their order.
func (r *reader) read(s *Set, source string, text []byte) error {
	var all []chunk
	for c := range chunks(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		all = append(all, c)
	}
	results := make([]result, len(all))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range all {
		group.Go(func() error {
			results[i] = r.chunk(&document{source, c})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, one := range results {
		s.problem(one.problems...)
		for _, h := range one.ignored {
			s.ignore(h.APIVersion, h.Kind)
		}
		for _, o := range one.objects {
			s.add(o)
		}
	}
	return nil
}

// chunk decodes one document. Text that begins like JSON is read as such first: it is much faster.
func (r *reader) chunk(d *document) result {
	var out result
	take := func(p piece) { r.object(&out, p) }
	if d.text[0] == '{' && r.json(d, take) == nil {
		return out
	}
	out = result{}
	if err := r.yaml(d, take); err != nil {
		out.problems = append(out.problems, broken(d, err))
	}
	return out
}

// object decodes one piece if its kind is known.
func (r *reader) object(out *result, p piece) {
	group, version, found := strings.Cut(p.APIVersion, "/")
	if !found {
		group, version = "", p.APIVersion
	}
	a := r.kinds[[2]string{group, p.Kind}]
	if a == nil {
		if p.Kind != "" && p.APIVersion != "" {
			out.ignored = append(out.ignored, p.header)
		}
		return
	}
	d := decoder{api: a, version: version, namespace: r.namespace, body: p.body, at: p.at}
	if !a.knows(version) {
		d.unknownVersion(p.APIVersion)
	} else if o := d.decode(); o != nil {
		out.objects = append(out.objects, o)
	}
	out.problems = append(out.problems, d.problems...)
}

func (d *decoder) unknownVersion(apiVersion string) {
	_, m, ok := d.metaOf()
	if !ok {
		return
	}
	m.APIVersion = apiVersion
	d.report(idVersion, m, "apiVersion", fmt.Sprintf("%s %s has API version %s; there is %s",
		d.api.name, nameOf(m), apiVersion, strings.Join(d.api.versions, ", ")))
}

// broken reports a document that could not be read at the line that the error names.
func broken(d *document, err error) Finding {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); n == 1 && scanErr == nil {
		_, text, _ = strings.Cut(text, ":")
	}
	line = min(max(line, 1), 1+bytes.Count(d.text, []byte("\n")))
	ref := Ref{Kind: "document", Source: d.source, Line: d.line + line - 1}
	f := finding(idBroken, ref, "", "the document cannot be read: "+strings.TrimSpace(text))
	if bytes.Contains(d.text, []byte("{{")) {
		f.Fix = "This looks like a template. Render it first: helm template CHART | tlstrace lint -f -."
	}
	return f
}

// expansion is how many times longer than its text a document may become by its aliases, beyond a first MiB.
const expansion = 10

// yaml yields the objects of one YAML document.
func (r *reader) yaml(d *document, take func(piece)) error {
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil {
		return err
	}
	if len(root.Content) == 0 {
		return nil
	}
	bound := expansion*len(d.text) + 1<<20
	top := root.Content[0]
	h := headerOfNode(top)
	if items := itemsOf(top, h); items != nil {
		for i, item := range items.Content {
			at := place{d, fmt.Sprintf("items[%d]", i), d.line + item.Line - 1}
			if err := r.node(item, listed(headerOfNode(item), h), at, bound, take); err != nil {
				return err
			}
		}
		return nil
	}
	return r.node(top, h, place{d, "", d.line + top.Line - 1}, bound, take)
}

func (r *reader) node(n *yaml.Node, h header, at place, bound int, take func(piece)) error {
	group, _, found := strings.Cut(h.APIVersion, "/")
	if !found {
		group = ""
	}
	a := r.kinds[[2]string{group, h.Kind}]
	if a == nil {
		take(piece{header: h})
		return nil
	}
	var drop map[string]bool
	if a.template() {
		drop = dropped()
	}
	body, err := toJSON(n, bound, drop)
	if err != nil {
		return err
	}
	take(piece{h, body, at})
	return nil
}

func headerOfNode(n *yaml.Node) header {
	return header{APIVersion: textAt(n, "apiVersion"), Kind: textAt(n, "kind")}
}

func textAt(n *yaml.Node, key string) string {
	if _, value := (step{key: key}).find(n); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// itemsOf returns the items of a List of any kind; nil if it is none.
func itemsOf(n *yaml.Node, h header) *yaml.Node {
	if !strings.HasSuffix(h.Kind, "List") {
		return nil
	}
	if _, items := (step{key: "items"}).find(n); items != nil && items.Kind == yaml.SequenceNode {
		return items
	}
	return nil
}

// listed fills in what the items of a list do not say themselves: those of a PodList are Pods.
func listed(item, list header) header {
	if item.Kind == "" && list.Kind != "List" {
		item.Kind = strings.TrimSuffix(list.Kind, "List")
	}
	if item.APIVersion == "" {
		item.APIVersion = list.APIVersion
	}
	return item
}

// json yields the objects of a text that holds one JSON value after the other.
func (r *reader) json(d *document, take func(piece)) error {
	lines := lineCounter{text: d.text, line: d.line}
	values := json.NewDecoder(bytes.NewReader(d.text))
	for index := 0; ; index++ {
		var body json.RawMessage
		switch err := values.Decode(&body); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		h, err := headerOf(body)
		if err != nil {
			return err
		}
		start := int(values.InputOffset()) - len(body)
		if strings.HasSuffix(h.Kind, "List") {
			err = r.jsonList(d, body, start, h, &lines, take)
		} else {
			take(piece{h, body, place{d, "", lines.at(start)}})
		}
		if err != nil {
			return err
		}
	}
}

// jsonList yields the items of a JSON list that begins at start.
func (r *reader) jsonList(d *document, list []byte, start int, h header, lines *lineCounter, take func(piece)) error {
	var body struct{ Items []json.RawMessage }
	if err := json.Unmarshal(list, &body); err != nil {
		return err
	}
	from := 0
	for i, item := range body.Items {
		own, err := headerOf(item)
		if err != nil {
			return err
		}
		if at := bytes.Index(list[from:], item); at >= 0 {
			from += at
		}
		take(piece{listed(own, h), item, place{d, fmt.Sprintf("items[%d]", i), lines.at(start + from)}})
		from += len(item)
	}
	return nil
}

// lineCounter counts lines up to offsets that only grow.
type lineCounter struct {
	text []byte
	done int
	line int
}

func (c *lineCounter) at(offset int) int {
	if offset > c.done && offset <= len(c.text) {
		c.line += bytes.Count(c.text[c.done:offset], []byte("\n"))
		c.done = offset
	}
	return c.line
}
