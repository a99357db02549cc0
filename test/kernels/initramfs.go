package kernels

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

//go:embed guest/init.sh
var guestInit []byte

// busyboxPaths are where a static busybox is, the surest first.
var busyboxPaths = []string{"/bin/busybox", "/usr/bin/busybox"}

// buildInitramfs writes the initramfs of one run: the image's userland, busybox, init, the job's script and files.
// The kernel unpacks archives that follow one another, so the userland is not packed again for each run.
func buildInitramfs(ctx context.Context, image Image, job Job, scratch string) (string, error) {
	root := filepath.Join(scratch, "root")
	if err := layOut(root, image.Release, job); err != nil {
		return "", fmt.Errorf("lay out the guest's files: %w", err)
	}
	overlay := filepath.Join(scratch, "overlay.cpio")
	if err := writeCpio(ctx, root, overlay); err != nil {
		return "", err
	}
	initramfs := filepath.Join(scratch, "initramfs")
	return initramfs, concatenate(initramfs, image.Userland, overlay)
}

func layOut(root string, r Release, job Job) error {
	if r.Arch == runtime.GOARCH { // else the userland brings one of its own
		busybox, err := findBusybox()
		if err != nil {
			return err
		}
		if err := copyTo(filepath.Join(root, "/usr/bin/busybox"), busybox); err != nil {
			return err
		}
	}
	if err := job.layOut(root); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "init"), guestInit, 0o755)
}

// layOut writes what a job brings below a root, the script as /job.
func (job Job) layOut(root string) error {
	for guest, host := range job.Files {
		if err := copyTo(filepath.Join(root, guest), host); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "job"), []byte(job.Script), 0o755)
}

func findBusybox() (string, error) {
	for _, path := range busyboxPaths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: busybox (package busybox-static) is not installed", ErrUnavailable)
}

// copyTo copies a file, or a directory with all that is in it.
func copyTo(to, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return writeFrom(to, info.Mode(), from)
}

// writeCpio packs a directory in the format that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).
func writeCpio(ctx context.Context, root, path string) error {
	names, err := namesBelow(root)
	if err != nil {
		return err
	}
	like := &exec.Cmd{Dir: root, Stdin: strings.NewReader(strings.Join(names, "\n"))}
	_, err = command(ctx, like, "cpio", "--quiet", "--create", "--format=newc", "--owner=0:0", "--file="+path)
	return err
}

// namesBelow lists what is in a directory, each directory before its contents.
func namesBelow(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if path != root {
			names = append(names, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	return names, err
}

func concatenate(to string, parts ...string) error {
	return writeFrom(to, 0o644, parts...)
}

// writeFrom writes the contents of files, one after the other, to a new file.
func writeFrom(to string, mode os.FileMode, from ...string) (err error) {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, path := range from {
		if err := appendFile(out, path); err != nil {
			return err
		}
	}
	return nil
}

func appendFile(out io.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
