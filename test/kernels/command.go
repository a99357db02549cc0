package kernels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// command runs a tool of this machine and returns what it wrote to its standard output. From like it takes the directory, the
// environment and the standard input; nil stands for this process' own, and no input. A tool that is not installed is
// [ErrUnavailable].
func command(ctx context.Context, like *exec.Cmd, tool string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, args...)
	if like != nil {
		cmd.Dir, cmd.Env, cmd.Stdin = like.Dir, like.Env, like.Stdin
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%w: %s is not installed", ErrUnavailable, tool)
	case err != nil:
		return "", fmt.Errorf("%s %q: %w: %s", tool, args, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}
