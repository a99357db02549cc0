package lint

import "go.yaml.in/yaml/v3"

// locate finds the lines of the fields that the findings name. Each document is parsed once more, whatever is found in it; the
// others are not.
func (r *runner) locate() {
	byDocument := map[*document][]int{}
	for i := range r.result.Findings {
		f := &r.result.Findings[i]
		f.Line = f.Object.Line
		if f.at != nil && f.at.doc != nil && f.Field != "" {
			byDocument[f.at.doc] = append(byDocument[f.at.doc], i)
		}
	}
	for d, findings := range byDocument {
		root := d.parse()
		for _, i := range findings {
			r.place(d, root, &r.result.Findings[i])
		}
	}
}

func (r *runner) place(d *document, root *yaml.Node, f *Finding) {
	if root != nil {
		f.Line = d.lineOf(root, f.at.path, f.Field)
	}
}
