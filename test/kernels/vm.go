// Package kernels runs programs on other kernels than this machine's.
//
// It boots kernels of Debian's suites in virtual machines, with an initramfs that holds busybox, the suite's own OpenSSL and
// whatever a test hands in. KVM is not needed: the machines are emulated, which costs seconds, not minutes. A guest sees
// loopback only and has all of BPF: cgroup v2 at /sys/fs/cgroup, bpffs, tracefs, securityfs, kprobes and BTF.
package kernels

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrGuestDied says that a guest ended without an exit code of its job: its kernel panicked, or its init failed.
// The error that wraps it ends with the last lines of the console.
var ErrGuestDied = errors.New("the guest died before its job was done")

// VM is a virtual machine; each [VM.Run] boots it anew.
type VM struct {
	Image  Image
	Memory int // MiB
	CPUs   int
	// Parameters are more of the kernel's command line, such as "lockdown=integrity".
	Parameters string
	// Output gets what the job writes, as it comes; nil discards it.
	Output io.Writer
}

// NewVM returns a machine that is large enough for the tests.
func NewVM(image Image) VM {
	return VM{Image: image, Memory: 2048, CPUs: 2}
}

// Job is what a guest does.
type Job struct {
	// Script is run by busybox' sh, as root, in /root. Files that it leaves in $RESULT are in [Result.Files]; $TMPDIR is for what it needs
	// itself. Scripts that are to run on a [Host] too name no other absolute path.
	Script string
	// Files maps absolute paths in the guest to files or directories of this machine. Programs have to be static, or to
	// need no more than the suite's C library.
	Files map[string]string
	// Limit ends the script, whose exit code is 143 then; 0 is [DefaultLimit].
	Limit time.Duration
}

// DefaultLimit is ample: guests are emulated, and may share their cores with other work.
const DefaultLimit = 15 * time.Minute

// bootAllowance is what a guest may take besides its job.
const bootAllowance = 2 * time.Minute

// Result is what became of a job.
type Result struct {
	ExitCode int
	Output   string            // standard output and error of the job
	Files    map[string][]byte // regular files of /result, by their path below it
	Console  string            // what the kernel said
	Duration time.Duration     // from power on to power off
	CPUTime  time.Duration     // that this machine spent on it
}

// Run boots the machine, runs the job and waits for the machine to end. The machine is killed when ctx is done.
// A job that fails is no error: see [Result.ExitCode].
func (vm VM) Run(ctx context.Context, job Job) (Result, error) {
	scratch, err := os.MkdirTemp("", "tlstrace-vm-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(scratch)
	initramfs, err := buildInitramfs(ctx, vm.Image, job, scratch)
	if err != nil {
		return Result{}, err
	}
	console, results := filepath.Join(scratch, "console"), filepath.Join(scratch, "results.tar")
	if job.Limit == 0 {
		job.Limit = DefaultLimit
	}
	ctx, cancel := context.WithTimeout(ctx, job.Limit+bootAllowance)
	defer cancel()
	emulator, err := emulatorOf(vm.Image.Release.Arch)
	if err != nil {
		return Result{}, err
	}
	arguments := append(vm.arguments(emulator, job.Limit), "-initrd", initramfs)
	arguments = append(arguments, emulator.serials(console, results)...)
	cmd := exec.CommandContext(ctx, emulator.command, arguments...)
	result, err := vm.boot(cmd)
	said, _ := os.ReadFile(console) // absent only if qemu did not start, which err tells
	result.Console = string(said)
	if err != nil {
		return result, fmt.Errorf("run kernel %s: %w\n%s", vm.Image.Version, err, tail(result.Console))
	}
	err = readResults(&result, results)
	return result, err
}

func (vm VM) arguments(e emulator, limit time.Duration) []string {
	return append(e.machine,
		"-accel", "tcg,thread=multi",
		"-smp", strconv.Itoa(vm.CPUs), "-m", strconv.Itoa(vm.Memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", vm.Image.Kernel,
		// panic=-1 reboots at once, and -no-reboot makes that the end. What the kernel does not know is in init's environment.
		"-append", fmt.Sprintf("console=%s quiet loglevel=4 panic=-1 JOB_OUTPUT=%s JOB_RESULT=%s JOB_SECONDS=%.0f %s",
			e.console, e.output, e.result, max(1, limit.Seconds()), vm.Parameters),
	)
}

// boot runs qemu to its end.
func (vm VM) boot(cmd *exec.Cmd) (Result, error) {
	var output, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &complaints
	if vm.Output != nil {
		cmd.Stdout = io.MultiWriter(&output, vm.Output)
	}
	// A test that is killed takes its machine with it. The signal is bound to the thread that started qemu.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	err := cmd.Run()
	result := Result{Output: output.String(), Duration: time.Since(began)}
	if state := cmd.ProcessState; state != nil {
		result.CPUTime = state.UserTime() + state.SystemTime()
	}
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("%w: %s is not installed", ErrUnavailable, filepath.Base(cmd.Path))
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaints.Bytes()))
	}
	return result, err
}

// readResults takes the exit code and the files from what the guest sent at its end.
func readResults(result *Result, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	result.Files, err = readTar(f)
	code, found := result.Files[".exit"]
	if !found {
		return errors.Join(ErrGuestDied, err, errors.New(tail(result.Output)), errors.New(tail(result.Console)))
	}
	if err != nil {
		return err
	}
	delete(result.Files, ".exit")
	result.ExitCode, err = strconv.Atoi(strings.TrimSpace(string(code)))
	return err
}

func readTar(r io.Reader) (map[string][]byte, error) {
	files := map[string][]byte{}
	for entries := tar.NewReader(r); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, fmt.Errorf("read the guest's results: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if files[path.Clean(header.Name)], err = io.ReadAll(entries); err != nil {
			return files, fmt.Errorf("read the guest's results: %w", err)
		}
	}
}

// tail returns the last lines of a console, where a panic says what it was.
func tail(console string) string {
	lines := strings.Split(strings.TrimSpace(console), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
