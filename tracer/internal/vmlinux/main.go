// Command vmlinux writes vmlinux.h: the kernel types that bpf/ uses, taken from the BTF of the running kernel (or a
// file) by the list in types.txt. From the top of the repository:
//
//	go run ./tracer/internal/vmlinux -o vmlinux.h
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

const runningBTF = "/sys/kernel/btf/vmlinux"

//go:embed types.txt
var types string

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vmlinux:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("vmlinux", flag.ContinueOnError)
	from := flags.String("btf", runningBTF, "BTF of the kernel, raw or in an ELF `file`")
	kernel := flags.String("kernel", "", "`name` of the kernel that -btf comes from, for the provenance (default the running one's)")
	to := flags.String("o", "", "`file` to write (default standard output)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var header bytes.Buffer
	if err := generate(&header, *from, *kernel); err != nil {
		return err
	}
	if *to == "" {
		_, err := stdout.Write(header.Bytes())
		return err
	}
	return os.WriteFile(*to, header.Bytes(), 0o644)
}

func generate(w io.Writer, path, kernel string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the kernel's BTF: %w", err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	list, err := ReadList(strings.NewReader(types))
	if err != nil {
		return fmt.Errorf("types.txt: %w", err)
	}
	selection, err := Select(spec, list)
	if err != nil {
		return fmt.Errorf("types.txt: %w", err)
	}
	info, _ := debug.ReadBuildInfo()
	origin := Provenance{Kernel: kernel, BTF: raw, Command: command(path), Reader: readerVersion(info)}
	if origin.Kernel == "" {
		origin.Kernel = kernelName(path)
	}
	return WriteHeader(w, origin, selection)
}

// command is the documented command line; of another BTF file only its name, not where it lay on this machine.
func command(path string) string {
	const line = "go run ./tracer/internal/vmlinux -o vmlinux.h"
	if path == runningBTF {
		return line
	}
	return line + " -btf " + filepath.Base(path)
}

func kernelName(path string) string {
	var name unix.Utsname
	if path != runningBTF || unix.Uname(&name) != nil {
		return "unknown"
	}
	text := func(field [65]byte) string { return unix.ByteSliceToString(field[:]) }
	return text(name.Release) + " " + text(name.Version) + " " + text(name.Machine)
}
