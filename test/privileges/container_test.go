package privileges

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tlstrace/tlstrace/tracer"
)

// container is what a runtime is asked for: that of the chart, or some of it otherwise.
type container struct {
	user    int
	seccomp string // file of testdata; "" is none
	filter  any    // a seccomp profile that is in no file
	ownPIDs bool
}

var chartCapabilities = []string{"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"}

// containerRows are run by runc, which is what containerd and Docker run containers by.
func containerRows() []struct {
	row
	container
} {
	blocks := map[string]tracer.Outcome{"seccomp": tracer.OutcomeBlocks}
	return []struct {
		row
		container
	}{
		{row{setting: "container", tried: "the chart's, not privileged: root, the six, root directory read only, `hostPID`, seccomp unconfined"}, container{}},
		{row{setting: "container", tried: "with the seccomp profile of containerd 2.4 (`RuntimeDefault`)"}, container{seccomp: "containerd"}},
		{row{setting: "container", tried: "with the seccomp profile of Docker"}, container{seccomp: "docker"}},
		{
			row{
				setting: "container", tried: "with the seccomp profile of older runtimes, which allows `bpf` to `CAP_SYS_ADMIN` only", blocked: true, found: blocks,
				refused: map[string]tracer.Refuser{
					"CAP_BPF": tracer.RefusedSeccomp, "CAP_DAC_READ_SEARCH": tracer.RefusedSeccomp,
				},
			},
			container{seccomp: "older"},
		},
		{row{setting: "container", tried: "as another user, with ambient capabilities"}, container{user: 65534, seccomp: "containerd"}},
		{
			row{
				setting: "container", tried: "without `hostPID`", unnamed: true, unheard: true,
				found: map[string]tracer.Outcome{"PID namespace": tracer.OutcomeLoses},
			},
			container{ownPIDs: true},
		},
	}
}

func TestContainer(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("runc"); err != nil {
		unavailable(t, "runc is not installed")
	}
	for _, r := range containerRows() {
		t.Run(r.tried, func(t *testing.T) {
			o := try(t, r.place())
			r.check(t, o)
			thePage.add(r.row, o)
		})
	}
}

// containers are numbered, since runc wants names.
var containers atomic.Int64

// place runs the program by runc. The directory that is shared has the bundle, too.
func (c container) place() place {
	return func(t *testing.T, shared string, arguments ...string) *exec.Cmd {
		t.Helper()
		name := fmt.Sprintf("tlstrace-privileges-%d-%d", os.Getpid(), containers.Add(1))
		bundle := filepath.Join(shared, name)
		for _, d := range []string{"proc", "sys", "dev", "tmp", "usr/bin", shared} {
			must(t, os.MkdirAll(filepath.Join(bundle, "rootfs", d), 0o755))
		}
		must(t, os.Link(build(t).tlstrace, filepath.Join(bundle, "rootfs/usr/bin/tlstrace")))
		text, err := json.Marshal(c.spec(t, shared, append([]string{"/usr/bin/tlstrace"}, arguments...)))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o644))
		state := filepath.Join(shared, "runc")
		t.Cleanup(func() { _ = exec.Command("runc", "--root", state, "delete", "--force", name).Run() })
		return exec.CommandContext(context.WithoutCancel(t.Context()), "runc", "--root", state, "run", "--bundle", bundle, name)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// spec is the runtime's configuration (github.com/opencontainers/runtime-spec): what the kubelet makes of the chart.
func (c container) spec(t *testing.T, shared string, argv []string) map[string]any {
	t.Helper()
	capabilities := chartCapabilities
	sets := map[string]any{"bounding": capabilities, "effective": capabilities, "permitted": capabilities}
	if c.user != 0 {
		sets["inheritable"], sets["ambient"] = capabilities, capabilities
	}
	linux := map[string]any{"namespaces": c.namespaces()}
	switch {
	case c.seccomp != "":
		linux["seccomp"] = profile(t, c.seccomp)
	case c.filter != nil:
		linux["seccomp"] = c.filter
	}
	return map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"user": map[string]any{"uid": c.user, "gid": c.user}, "args": argv, "cwd": "/", "noNewPrivileges": true,
			"env":          []string{"PATH=/usr/bin", "XDG_STATE_HOME=" + shared},
			"capabilities": sets,
		},
		"root":     map[string]any{"path": "rootfs", "readonly": true},
		"hostname": "node",
		"mounts": []map[string]any{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/sys", "type": "none", "source": "/sys", "options": []string{"rbind", "ro"}},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
			{"destination": shared, "type": "none", "source": shared, "options": []string{"rbind", "rw"}},
		},
		"linux": linux,
	}
}

// namespaces leave the network the host's, for the handshakes of the test to be seen whatever the cgroup.
func (c container) namespaces() []map[string]string {
	all := []map[string]string{{"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}
	if c.ownPIDs {
		all = append(all, map[string]string{"type": "pid"})
	}
	return all
}

// profile reads a seccomp profile, as test/privileges/profiles wrote it.
func profile(t *testing.T, name string) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".seccomp.json"))
	must(t, err)
	var p map[string]any
	must(t, json.NewDecoder(strings.NewReader(string(text))).Decode(&p))
	return p
}
