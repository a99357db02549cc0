package enrich

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxContainers   = 16384            // cgroups that are remembered
	goneFor         = 5 * time.Second  // how long it is remembered that a cgroup is not there
	maxCgroupsBytes = 64 << 10         // bytes read of /proc/PID/cgroup: a dozen lines of at most PATH_MAX
	idleFor         = 10 * time.Minute // cgroups that nobody asked about for so long make room first
)

var (
	// ErrNoContainer says that a cgroup or a process is there and belongs to no container.
	ErrNoContainer = errors.New("no container")
	// ErrNoCgroup says that there is no cgroup of this id: it was removed, or lies outside of what this process sees.
	ErrNoCgroup = errors.New("no such cgroup")
)

// Container is what the path of a cgroup tells about the container in it. A container in the cgroup of a pod is the one
// that the pod's runtime made, whatever runs inside of it; without a pod it is the outermost one, which the host knows.
type Container struct {
	ID      string // 64 hexadecimal digits; "" for a process in a pod's cgroup but in none of its containers
	Runtime string // containerd, cri-o, docker, podman; "" if the path does not tell, as with the cgroupfs driver
	PodUID  string // metadata.uid of the pod; of a static pod, the hash of its manifest (annotation kubernetes.io/config.hash)
	// Outer is the container that this one's pod runs in, as in a cluster whose nodes are containers; usually nil.
	Outer *Container
}

// Containers finds the containers that cgroups and processes belong to. It is safe for many goroutines.
type Containers struct {
	cgroups   *cgroups
	proc      string
	processes *Processes
	now       func() time.Time

	mu    sync.Mutex
	known map[uint64]membership
}

// membership is what was found out about one cgroup. The id of a cgroup is not used again until the machine restarts
// (kernfs ids have a generation), so that only the absence of one can become wrong.
type membership struct {
	container Container
	err       error
	used      time.Time
}

// NewContainers reads the cgroup v2 hierarchy that is mounted at cgroupRoot, or on a hybrid host in its folder
// "unified", and procfs at procRoot; now is the wall clock. Nothing is read before the first question.
func NewContainers(cgroupRoot, procRoot string, now func() time.Time) *Containers {
	return &Containers{
		cgroups:   newCgroups(cgroupRoot, procRoot, now),
		proc:      procRoot,
		processes: NewProcesses(procRoot, now),
		now:       now,
		known:     map[uint64]membership{},
	}
}

// OfCgroup returns the container of a cgroup v2 by its id (bpf_get_current_cgroup_id(), the inode number of its folder).
// It returns [ErrNoContainer] for a cgroup outside of containers and [ErrNoCgroup] for one that is not there.
// Cgroups that were found are remembered after they are gone.
func (c *Containers) OfCgroup(id uint64) (Container, error) {
	if m, ok := c.recall(id); ok {
		return m.container, m.err
	}
	m := membership{used: c.now()}
	path, err := c.cgroups.path(id)
	if err == nil {
		m.container, err = containerOf(path)
	}
	if err != nil {
		m.err = fmt.Errorf("cgroup %d: %w", id, err)
	}
	c.remember(id, m)
	return m.container, m.err
}

// OfPID returns the container of a process by any of its cgroups, of version 1 or 2 (cgroups(7), /proc/PID/cgroup).
func (c *Containers) OfPID(pid int) (Container, error) {
	lines, err := readBounded(filepath.Join(c.proc, strconv.Itoa(pid), "cgroup"), maxCgroupsBytes)
	if err != nil {
		return Container{}, fmt.Errorf("process %d: %w", pid, err)
	}
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // hierarchy, controllers, path
		if len(fields) != 3 {
			continue
		}
		if found, err := containerOf(fields[2]); err == nil {
			return found, nil
		}
	}
	return Container{}, fmt.Errorf("process %d: %w", pid, ErrNoContainer)
}

// Of returns the container of the process that had a number at a time, and was in a cgroup v2; 0 stands for what is not
// known. The cgroup decides. The process is asked only where that cannot have answered: without an id, and on hosts
// with a hierarchy of version 1, where containers may share one cgroup v2. [ErrNoContainer] is a definite answer.
func (c *Containers) Of(cgroup uint64, pid int, at time.Time) (Container, error) {
	if cgroup != 0 {
		found, err := c.OfCgroup(cgroup)
		if err == nil || !c.cgroups.hybrid() {
			return found, err
		}
	}
	if pid <= 0 {
		return Container{}, fmt.Errorf("cgroup %d and no process: %w", cgroup, ErrNoCgroup)
	}
	found, err := c.OfPID(pid)
	if _, reused := c.processes.Comm(pid, at); reused != nil {
		return Container{}, reused
	}
	return found, err
}

func (c *Containers) recall(id uint64) (membership, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.known[id]
	now := c.now()
	if !ok || errors.Is(m.err, ErrNoCgroup) && now.Sub(m.used) > goneFor {
		return membership{}, false
	}
	if m.err == nil || errors.Is(m.err, ErrNoContainer) {
		m.used = now
		c.known[id] = m
	}
	return m, true
}

func (c *Containers) remember(id uint64, m membership) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxContainers {
		c.forget()
	}
	c.known[id] = m
}

// forget makes room: what was not used for long goes, and if that is too little, everything. What is still there is found again.
func (c *Containers) forget() {
	before := c.now().Add(-idleFor)
	for id, m := range c.known {
		if m.used.Before(before) {
			delete(c.known, id)
		}
	}
	if len(c.known) > maxContainers*3/4 {
		clear(c.known)
	}
}
