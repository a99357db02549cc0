package alerts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const dashboardFile = "../dashboard/tlstrace.json"

// board is the part of a Grafana dashboard that is checked here.
type board struct {
	UID, Title    string
	SchemaVersion int
	Panels        []gridPanel
	Templating    struct{ List []variable }
	Annotations   struct{ List []annotation }
}

type annotation struct {
	Name, Expr string
	Datasource source
}

type variable struct {
	Name, Type, Definition string
	Datasource             source
}

type source struct{ Type, UID string }

type gridPanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               source
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []target
}

type target struct {
	RefID, Expr, Format string
	Instant, Range      bool
	Datasource          source
}

// variables are the values that Grafana would put into a query.
var variables = strings.NewReplacer("$role", "server", "$namespace", ".*", "$workload", ".*", "$__rate_interval", "1m", "$__range", "1h")

func dashboard(t *testing.T) board {
	t.Helper()
	var b board
	read(t, dashboardFile, &b)
	return b
}

// panels are all but the rows.
func (b board) panels() []gridPanel {
	return slices.DeleteFunc(slices.Clone(b.Panels), func(p gridPanel) bool { return p.Type == "row" })
}

func TestDashboardPanels(t *testing.T) {
	b := dashboard(t)
	want := source{Type: "prometheus", UID: "${datasource}"}
	seen := map[string]bool{}
	for _, p := range b.panels() {
		t.Run(p.Title, func(t *testing.T) {
			switch {
			case p.Title == "" || seen[p.Title]:
				t.Errorf("title %q: none, or not the only one", p.Title)
			case p.Description == "":
				t.Error("no description")
			case p.FieldConfig.Defaults.Unit == "":
				t.Error("no unit")
			case p.Datasource != want:
				t.Errorf("data source %+v", p.Datasource)
			case len(p.Targets) == 0:
				t.Error("no query")
			}
			seen[p.Title] = true
			for _, target := range p.Targets {
				if target.Datasource != want {
					t.Errorf("query %s: data source %+v", target.RefID, target.Datasource)
				}
				if strings.Contains(variables.Replace(target.Expr), "$") {
					t.Errorf("query %s: a variable that is none: %s", target.RefID, target.Expr)
				}
			}
		})
	}
	if b.UID == "" || b.Title == "" || b.SchemaVersion == 0 {
		t.Errorf("uid %q, title %q, schema %d", b.UID, b.Title, b.SchemaVersion)
	}
}

func TestDashboardVariables(t *testing.T) {
	var names []string
	for _, v := range dashboard(t).Templating.List {
		names = append(names, v.Name)
	}
	if want := []string{"datasource", "role", "namespace", "workload"}; !slices.Equal(names, want) {
		t.Errorf("variables %q, want %q", names, want)
	}
}

// TestDashboardGrid wants every panel to have its own place and number.
func TestDashboardGrid(t *testing.T) {
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range dashboard(t).Panels {
		if other := ids[p.ID]; other != "" || p.ID == 0 {
			t.Errorf("%q has the id %d, as %q", p.Title, p.ID, other)
		}
		ids[p.ID] = p.Title
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%q does not fit: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestDashboardQueriesAreParsed gives them to promtool, as rules.
func TestDashboardQueriesAreParsed(t *testing.T) {
	b := dashboard(t)
	var recorded []map[string]string
	add := func(expr string) {
		recorded = append(recorded, map[string]string{"record": fmt.Sprintf("dashboard:query:%d", len(recorded)), "expr": variables.Replace(expr)})
	}
	for _, p := range b.panels() {
		for _, target := range p.Targets {
			add(target.Expr)
		}
	}
	for _, a := range b.Annotations.List {
		add(a.Expr)
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": recorded}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dashboard.rules.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", path)
}
