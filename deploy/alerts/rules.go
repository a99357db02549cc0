// Package alerts has the alert rules, for programs that ask whether they are true.
package alerts

import (
	_ "embed" // the rules are in the program
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed tlstrace.rules.yaml
var text []byte

// Rule is an alert, or a series that is recorded for one.
type Rule struct {
	Alert  string            // name of an alert, or ""
	Record string            // name of a series, or ""
	Expr   string            // PromQL
	For    time.Duration     // how long it has to be true before the alert fires
	Labels map[string]string // that the alert gets
}

// Shipped returns all rules, in the order in which Prometheus evaluates them.
func Shipped() ([]Rule, error) {
	var file struct {
		Groups []struct {
			Rules []Rule
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("the alert rules: %w", err)
	}
	var all []Rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}
