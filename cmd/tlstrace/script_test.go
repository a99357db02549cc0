package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tlstrace/tlstrace/tracer"
)

func TestMain(m *testing.M) {
	// The demo runs its peers under names of their own.
	testscript.Main(m, map[string]func(){"tlstrace": main, "demo-server": main, "demo-client": main})
}

// TestScript runs the scripts of testdata/script: what a user gets to see without any privilege.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/state")
			return nil
		},
		Condition: condition,
	})
}

// condition knows [root], and [trace]: this machine can trace. In CI it has to, so that nothing is skipped unseen.
func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "trace":
		return os.Getenv("CI") != "" || tracer.Probe(tracer.Options{}).CanTrace(), nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
