package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflows are the files of the workflows.
func workflows(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(root + "/.github/workflows/*.yml")
	must(t, err)
	if len(all) < 2 {
		t.Fatalf("%d workflows", len(all))
	}
	return all
}

func TestWorkflowsAreCorrect(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "actionlint")
	run(t, exec.Command("go", "build", "-C", "tools", "-o", tool, "github.com/rhysd/actionlint/cmd/actionlint"))
	run(t, exec.Command(tool, append([]string{"-shellcheck=", "-pyflakes="}, workflows(t)...)...))
}

// step is one of a workflow's.
type step struct{ Uses, Run string }

// TestActionsArePinned wants each action by the digest of a commit: a tag can be moved.
func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	interpolated := regexp.MustCompile(`\$\{\{\s*github\.(event|head_ref|ref_name)`)
	for _, path := range workflows(t) {
		text, err := os.ReadFile(path)
		must(t, err)
		var w struct {
			Permissions map[string]string
			Jobs        map[string]struct{ Steps []step }
		}
		must(t, yaml.Unmarshal(text, &w))
		if w.Permissions == nil || len(w.Permissions) > 1 || w.Permissions["contents"] == "write" {
			t.Errorf("%s: all jobs may %v", path, w.Permissions)
		}
		for name, job := range w.Jobs {
			for _, s := range job.Steps {
				if s.Uses != "" && !pinned.MatchString(s.Uses) {
					t.Errorf("%s, %s: %s is not pinned by a digest", path, name, s.Uses)
				}
				if interpolated.MatchString(s.Run) {
					t.Errorf("%s, %s: a script with text from outside in it: %s", path, name, s.Run)
				}
			}
		}
	}
}
