package kernels

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Image is a kernel that can be booted, and the programs of its time.
type Image struct {
	Release Release
	Version string // what the kernel calls itself: "6.1.0-50-cloud-amd64"
	Kernel  string // path of the vmlinuz
	// Userland is the path of a cpio archive with the layout of a root file system and the suite's OpenSSL.
	Userland string
}

// recipeFile says what an image was made of.
const recipeFile = "recipe"

// CacheDir is where images are kept: $TLSTRACE_CACHE/kernels, else tlstrace/kernels in the user's cache directory.
func CacheDir() (string, error) {
	cache := os.Getenv("TLSTRACE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache directory (TLSTRACE_CACHE names another): %w", err)
		}
		cache = filepath.Join(user, "tlstrace")
	}
	return filepath.Join(cache, "kernels"), nil
}

// Fetch returns the image of a release from the cache directory. It is downloaded if it is not there; remove its directory
// to have a newer one.
func Fetch(ctx context.Context, r Release, cache string) (Image, error) {
	dir := filepath.Join(cache, r.Name)
	if image, err := openImage(r, dir); err == nil {
		return image, nil
	}
	if err := download(ctx, r, dir); err != nil {
		return Image{}, fmt.Errorf("fetch kernel %s from %s: %w", r.Name, r.Suite, err)
	}
	return openImage(r, dir)
}

// openImage finds an image that was downloaded.
func openImage(r Release, dir string) (Image, error) {
	image := Image{Release: r, Userland: filepath.Join(dir, "userland.cpio")}
	if _, err := os.Stat(image.Userland); err != nil {
		return image, err
	}
	if recipe, err := os.ReadFile(filepath.Join(dir, recipeFile)); err != nil || string(recipe) != r.recipe() {
		return image, fmt.Errorf("the image in %s is made of other packages", dir)
	}
	kernels, err := filepath.Glob(filepath.Join(dir, "vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return image, fmt.Errorf("found %d kernels in %s, want 1: %w", len(kernels), dir, err)
	}
	image.Kernel = kernels[0]
	_, image.Version, _ = strings.Cut(filepath.Base(image.Kernel), "-")
	return image, nil
}

// download makes the image beside its place and moves it there when it is complete, so that a run which was interrupted or
// another one at the same time leaves no half of an image.
func download(ctx context.Context, r Release, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(dir), ".download-"+r.Name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	complete := filepath.Join(scratch, "image")
	if err := assemble(ctx, r, scratch, complete); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(complete, dir)
}

func assemble(ctx context.Context, r Release, scratch, image string) error {
	if err := os.Mkdir(image, 0o755); err != nil {
		return err
	}
	suite, err := openArchive(ctx, filepath.Join(scratch, "apt"), r.Suite, r.Arch)
	if err != nil {
		return err
	}
	kernelPackage, err := suite.newest(ctx, "linux-", r.kernel)
	if err != nil {
		return err
	}
	kernel := filepath.Join(scratch, "kernel")
	if err := mergedRoot(kernel); err != nil {
		return err
	}
	if err := suite.unpack(ctx, kernel, kernelPackage); err != nil {
		return err
	}
	if err := takeVmlinuz(kernel, image); err != nil {
		return err
	}
	userland := filepath.Join(scratch, "userland")
	if err := mergedRoot(userland); err != nil {
		return err
	}
	if err := suite.unpack(ctx, userland, r.userland...); err != nil {
		return err
	}
	if r.python != nil {
		if err := unpackPython(ctx, suite, r.python, userland); err != nil {
			return err
		}
	}
	if err := archiveUserland(ctx, userland, filepath.Join(image, "userland.cpio")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(image, recipeFile), []byte(r.recipe()), 0o644)
}

// unpackPython lays out an interpreter, and names it python3 as a package of its own would.
func unpackPython(ctx context.Context, suite archive, name *regexp.Regexp, root string) error {
	python, err := suite.newest(ctx, "python3", name)
	if err != nil {
		return err
	}
	if err := suite.unpack(ctx, root, python, "lib"+python); err != nil {
		return err
	}
	return os.Symlink(strings.TrimSuffix(python, "-minimal"), filepath.Join(root, "usr/bin/python3"))
}

// takeVmlinuz moves the kernel to the image and gives its name the version that the packages keep in different places.
func takeVmlinuz(root, image string) error {
	if boot, _ := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*")); len(boot) == 1 {
		return os.Rename(boot[0], filepath.Join(image, filepath.Base(boot[0])))
	}
	// Later suites keep the kernel beside its modules.
	modules, _ := filepath.Glob(filepath.Join(root, "usr/lib/modules/*/vmlinuz"))
	if len(modules) != 1 {
		return fmt.Errorf("found %d kernels in the package, want 1", len(modules))
	}
	version := filepath.Base(filepath.Dir(modules[0]))
	return os.Rename(modules[0], filepath.Join(image, "vmlinuz-"+version))
}

// mergedRoot makes an empty root in which /bin, /sbin and /lib are those of /usr. Packages of all suites fit into it.
func mergedRoot(root string) error {
	for _, d := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(root, "usr", d), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+d, filepath.Join(root, d)); err != nil {
			return err
		}
	}
	return nil
}

// archiveUserland leaves out what no test reads: documentation, and the converters that make up most of the C library.
func archiveUserland(ctx context.Context, root, path string) error {
	converters, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu/gconv"))
	if err != nil {
		return err
	}
	for _, d := range append(converters, filepath.Join(root, "usr/share")) {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	return writeCpio(ctx, root, path)
}
