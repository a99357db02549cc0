package privileges

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/test/kernels"
	"github.com/tlstrace/tlstrace/tracer"
)

// guestRow is tried in a virtual machine: it takes another kernel, or a setting of the whole machine.
type guestRow struct {
	row
	before string // what the guest does first
	flags  string // of the launcher
}

// guest is a virtual machine with the rows that it tries, one after the other.
type guest struct {
	kernel     string
	parameters string // of the kernel's command line
	rows       []guestRow
}

// guests say what lockdown takes away, and what kernels do that this machine's cannot.
func guests() []guest {
	// Debian's default is 3.
	const likeUpstream = "echo 2 >/proc/sys/kernel/perf_event_paranoid"
	confidential := map[string]tracer.Outcome{"lockdown": tracer.OutcomeLoses}
	withSix := map[string]tracer.Outcome{"lockdown": tracer.OutcomeLoses, "uprobes": tracer.OutcomeLoses}
	return []guest{
		{"6.1", "lockdown=integrity", []guestRow{{row: row{setting: "lockdown", tried: "integrity"}}}},
		{"6.1", "lockdown=confidentiality", []guestRow{
			{row: row{setting: "lockdown", tried: "confidentiality", unnamed: true, unheard: true, found: confidential}},
			{
				row:    row{setting: "lockdown", tried: "confidentiality, another user with the six", unnamed: true, unheard: true, found: withSix},
				before: likeUpstream, flags: "-user 65534 -nnp -caps " + six,
			},
		}},
		{"6.1", "", []guestRow{
			{row: row{setting: "AppArmor", tried: "on, and no profile"}},
			{
				row: row{
					setting: "AppArmor", tried: "the profile of containerd", unnamed: true, unheard: true,
					found:   map[string]tracer.Outcome{"AppArmor": tracer.OutcomeLoses, "processes": tracer.OutcomeLoses, "uprobes": tracer.OutcomeLoses},
					refused: map[string]tracer.Refuser{"CAP_SYS_PTRACE": tracer.RefusedAppArmor},
				},
				before: likeUpstream + "; dd if=/profile of=/sys/kernel/security/apparmor/.replace bs=1M 2>/dev/null",
				flags:  "-profile cri-containerd.apparmor.d -caps " + six,
			},
			{
				row: row{
					setting: "sysctl", tried: "`perf_event_paranoid` 3 on Debian's Linux 6.1, another user with the six", unheard: true,
					found: map[string]tracer.Outcome{"uprobes": tracer.OutcomeLoses},
				},
				before: "echo 3 >/proc/sys/kernel/perf_event_paranoid", flags: "-user 65534 -nnp -caps " + six,
			},
			{
				row: row{
					setting: "sysctl", tried: "`perf_event_paranoid` 2, `unprivileged_bpf_disabled` 1, `ptrace_scope` 3; another user with the six and `CAP_SYS_ADMIN`",
				},
				before: likeUpstream + "; echo 1 >/proc/sys/kernel/unprivileged_bpf_disabled; echo 3 >/proc/sys/kernel/yama/ptrace_scope",
				flags:  "-user 65534 -nnp -caps 21," + six,
			},
		}},
		{"5.10", "", []guestRow{
			{row: row{setting: "locked memory", tried: "Linux 5.10, root"}},
			{
				row: row{
					setting: "locked memory", tried: "Linux 5.10, the six and a limit of 64 KiB", blocked: true,
					found: map[string]tracer.Outcome{"locked memory": tracer.OutcomeBlocks},
				},
				before: likeUpstream, flags: "-nnp -memlock 65536 -caps " + six,
			},
			{
				row:    row{setting: "locked memory", tried: "Linux 5.10, another user with the six and no limit"},
				before: likeUpstream, flags: "-user 65534 -nnp -memlock unlimited -caps " + six,
			},
		}},
	}
}

func TestGuest(t *testing.T) {
	if testing.Short() || os.Getenv("CI") == "true" {
		t.Skip("boots a virtual machine for each row, for minutes: make test-privileges runs them")
	}
	for _, g := range guests() {
		t.Run(strings.TrimSpace(g.kernel+" "+g.parameters), func(t *testing.T) {
			t.Parallel() // a guest keeps little more than one core busy
			result := g.run(t)
			for i, r := range g.rows {
				t.Run(r.tried, func(t *testing.T) {
					o := guestOutcome(t, result, strconv.Itoa(i))
					r.check(t, o)
					thePage.add(r.row, o)
				})
			}
		})
	}
}

// run boots the machine and tries the rows.
func (g guest) run(t *testing.T) kernels.Result {
	t.Helper()
	found, err := kernels.FindReleases(g.kernel)
	must(t, err)
	cache, err := kernels.CacheDir()
	must(t, err)
	image, err := kernels.Fetch(t.Context(), found[0], cache)
	if errors.Is(err, kernels.ErrUnavailable) {
		unavailable(t, err.Error())
	}
	must(t, err)
	p := build(t)
	vm := kernels.NewVM(image)
	vm.Parameters, vm.Output = g.parameters, t.Output()
	result, err := vm.Run(t.Context(), kernels.Job{Script: g.script(), Limit: 8 * time.Minute, Files: map[string]string{
		"/usr/bin/tlstrace": p.tlstrace, "/usr/bin/launch": p.launch, "/usr/bin/handshake": p.handshake, "/profile": appArmorProfile(t),
	}})
	if errors.Is(err, kernels.ErrUnavailable) {
		unavailable(t, err.Error())
	}
	must(t, err)
	if result.ExitCode != 0 {
		t.Fatalf("the guest ends with %d: %s", result.ExitCode, result.Output)
	}
	return result
}

// script tries each row as [try] does on the host.
func (g guest) script() string {
	var b strings.Builder
	b.WriteString("chmod 1777 /tmp\nexport XDG_STATE_HOME=/tmp/state\n")
	for i, r := range g.rows {
		fmt.Fprintf(&b, "i=%d; flags='%s'; rm -rf /tmp/*\n%s\n%s", i, r.flags, r.before, tryInGuest)
	}
	return b.String()
}

// tryInGuest waits for no longer than the job may take. The peers stay until watch has looked at them.
const tryInGuest = `
launch $flags tlstrace doctor -o json >/result/$i.doctor 2>/result/$i.complaints
echo $? >/result/$i.code
mkfifo /tmp/tell
handshake -port 844$i </tmp/tell &
peers=$!
exec 3>/tmp/tell
launch $flags tlstrace watch --port 844$i -o json --count 1 --duration 120s --ready-file /tmp/ready >/result/$i.events 2>/result/$i.said 3>&- &
watch=$!
while [ ! -e /tmp/ready ] && kill -0 $watch 2>/dev/null; do sleep 0.1; done
began=
if [ -e /tmp/ready ]; then
	echo >&3
	began=yes
fi
wait $watch
echo $? >/result/$i.ended
exec 3>&-
wait $peers || [ -z "$began" ] || exit 1
`

// guestOutcome reads what a guest left behind of one row.
func guestOutcome(t *testing.T, result kernels.Result, number string) outcome {
	t.Helper()
	file := func(name string) []byte { return result.Files[number+"."+name] }
	integer := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(string(file(name))))
		must(t, err)
		return n
	}
	o := outcome{code: integer("code"), ended: integer("ended"), said: string(file("said"))}
	if o.code != exitFine && o.code != exitNoTrace {
		t.Fatalf("doctor ends with %d: %s", o.code, file("complaints"))
	}
	o.report, o.event = readReport(t, file("doctor")), readEvent(t, file("events"))
	return o
}

// appArmorProfile compiles the profile that containerd confines containers by, with the tools of this machine.
func appArmorProfile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile")
	parser, err := exec.LookPath("apparmor_parser")
	if err != nil {
		parser = "/usr/sbin/apparmor_parser"
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), parser,
		"--skip-kernel-load", "--skip-cache", "--kernel-features=/etc/apparmor.d/abi/3.0", "--ofile", path, "testdata/cri-containerd.apparmor.d")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, exec.ErrDot) {
		unavailable(t, "apparmor_parser (package apparmor) is not installed")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}
