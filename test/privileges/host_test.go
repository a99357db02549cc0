package privileges

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tlstrace/tlstrace/tracer"
)

// notHeld are the capabilities of somebody who has none.
var notHeld = refusedBy(tracer.RefusedNotHeld)

// refusedBy are all capabilities, refused by the same.
func refusedBy(by tracer.Refuser) map[string]tracer.Refuser {
	all := map[string]tracer.Refuser{}
	for _, name := range []string{
		"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE",
	} {
		all[name] = by
	}
	return all
}

// losesProcesses is found without CAP_SYS_PTRACE.
var losesProcesses = map[string]tracer.Outcome{"processes": tracer.OutcomeLoses}

// hostRows are what a host can set.
func hostRows() []struct {
	row
	in place
} {
	return []struct {
		row
		in place
	}{
		{row{setting: "root", tried: "all capabilities of this machine"}, launched("")},
		{row{setting: "root", tried: "the six capabilities, `no_new_privs`"}, launched("-nnp -caps " + six)},
		{row{setting: "another user", tried: "the six as ambient capabilities, `no_new_privs`"}, launched("-user 65534 -nnp -caps " + six)},
		{row{setting: "another user", tried: "the six as capabilities of the file (`setcap`)"}, byFile("-user 65534 -bounds=false -caps none")},
		{
			row{
				setting: "another user", tried: "the six as capabilities of the file, `no_new_privs`", blocked: true,
				refused: notHeld, found: losesProcesses,
			},
			byFile("-user 65534 -bounds=false -nnp -caps none"),
		},
		{row{setting: "another user", tried: "no capability", blocked: true, refused: notHeld, found: losesProcesses}, launched("-user 65534 -caps none")},
		{
			row{
				setting: "another user", tried: "the six without `CAP_SYS_PTRACE`", unnamed: true, unheard: true,
				refused: map[string]tracer.Refuser{"CAP_SYS_PTRACE": tracer.RefusedNotHeld}, found: losesProcesses,
			},
			launched("-user 65534 -nnp -caps 39,38,12,2,40"),
		},
		{
			row{
				setting: "user namespace", tried: "root in one of its own", blocked: true, refused: refusedBy(tracer.RefusedUserNamespace),
				found: map[string]tracer.Outcome{"user namespace": tracer.OutcomeBlocks, "processes": tracer.OutcomeLoses},
			},
			inUserNamespace,
		},
	}
}

func TestHost(t *testing.T) {
	needRoot(t)
	for _, r := range hostRows() {
		t.Run(r.setting+", "+r.tried, func(t *testing.T) {
			o := try(t, r.in)
			r.check(t, o)
			thePage.add(r.row, o)
		})
	}
}

// inUserNamespace makes root a user of a namespace of its own.
func inUserNamespace(t *testing.T, shared string, arguments ...string) *exec.Cmd {
	cmd := launched("")(t, shared, arguments...)
	one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: one, GidMappings: one}
	return cmd
}

// byFile runs a copy whose file has the six capabilities, as setcap(8) grants them.
func byFile(flags string) place {
	return func(t *testing.T, shared string, arguments ...string) *exec.Cmd {
		p := build(t)
		program := filepath.Join(openDirectory(t), "tlstrace")
		text, err := os.ReadFile(p.tlstrace)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(program, text, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setxattr(program, "security.capability", fileCapabilities(), 0); err != nil {
			unavailable(t, "the file system takes no capabilities: "+err.Error())
		}
		argv := append(append(words(flags), program), arguments...)
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), p.launch, argv...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+shared)
		return cmd
	}
}

// fileCapabilities is struct vfs_cap_data, revision 2 (linux/capability.h), of the six: permitted, and effective at once.
func fileCapabilities() []byte {
	const revision, effective = 0x02000000, 1
	var set uint64
	for _, c := range []int{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_CHECKPOINT_RESTORE} {
		set |= 1 << c
	}
	b := binary.LittleEndian.AppendUint32(nil, revision|effective)
	b = binary.LittleEndian.AppendUint32(b, uint32(set)) // permitted, the lower half
	b = binary.LittleEndian.AppendUint32(b, 0)           // inheritable
	b = binary.LittleEndian.AppendUint32(b, uint32(set>>32))
	return binary.LittleEndian.AppendUint32(b, 0)
}
