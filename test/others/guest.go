package others

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GuestPrograms are the programs that the virtual machine has besides its own busybox and C library. With what they link to they
// are taken from this machine, which has to be the suite of the kernel: Debian 12 (see [GuestFiles]).
var GuestPrograms = []string{
	"bpftrace", "openssl", "curl", "nginx", "gnutls-cli", "gnutls-serv", "/usr/bin/python3", "redis-server",
}

// guestExtras are what programs read besides the libraries that they are linked to.
var guestExtras = []string{"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/usr/lib/ssl/openssl.cnf", "/usr/lib/python3.11"}

// GuestFiles maps paths in a guest to files of this machine: the programs, the libraries that the dynamic linker finds for them, and
// what else they read.
func GuestFiles(ctx context.Context, programs []string) (map[string]string, error) {
	files := map[string]string{}
	for _, program := range programs {
		path, err := exec.LookPath(program)
		if err != nil {
			return nil, fmt.Errorf("the virtual machine needs %s: install its Debian package: %w", program, err)
		}
		if err := addWithLibraries(ctx, files, path); err != nil {
			return nil, err
		}
	}
	modules, err := filepath.Glob("/usr/lib/python3.11/lib-dynload/*.so")
	if err != nil {
		return nil, err
	}
	for _, module := range modules {
		if err := addLibraries(ctx, files, module); err != nil {
			return nil, err
		}
	}
	for _, path := range guestExtras {
		if _, err := os.Stat(path); err == nil {
			files[merged(path)] = path
		}
	}
	return files, nil
}

func addWithLibraries(ctx context.Context, files map[string]string, path string) error {
	files[merged(path)] = path
	return addLibraries(ctx, files, path)
}

// addLibraries asks the dynamic linker: "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x...)".
func addLibraries(ctx context.Context, files map[string]string, path string) error {
	out, err := exec.CommandContext(ctx, "ldd", path).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", path, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		for field := range strings.FieldsSeq(lines.Text()) {
			if strings.HasPrefix(field, "/") {
				files[merged(field)] = field
			}
		}
	}
	return nil
}

// merged is where a path really is on a system whose /bin, /sbin and /lib are those of /usr.
func merged(path string) string {
	for _, d := range []string{"/bin/", "/sbin/", "/lib/", "/lib64/"} {
		if strings.HasPrefix(path, d) {
			return "/usr" + path
		}
	}
	return path
}
