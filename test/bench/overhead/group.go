package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
)

// group is a cgroup whose processor time is accounted by itself.
type group struct {
	dir string
	fd  *os.File
}

func newGroup(tree *cgroup.Tree, name string) (*group, error) {
	dir, err := tree.Create(name)
	if err != nil {
		return nil, err
	}
	fd, err := os.Open(dir)
	return &group{dir, fd}, err
}

// start starts a command as a member (CLONE_INTO_CGROUP), so that nothing of it is accounted elsewhere.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.fd.Fd()), Pdeathsig: syscall.SIGKILL}
	return cmd.Start()
}

// used is the processor time of all that ever were members: usage_usec, which the scheduler measures by the clock, and not by ticks. The
// kernel accounts the handling of a packet to whoever runs when it happens: on loopback to the sender, for both ends.
func (g *group) used() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	return parseUsage(string(text))
}

var errNoUsage = errors.New("cpu.stat has no usage_usec")

func parseUsage(text string) (time.Duration, error) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("cpu.stat: %w", err)
			}
			return time.Duration(n) * time.Microsecond, nil
		}
	}
	return 0, errNoUsage
}
