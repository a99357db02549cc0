package lint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files reads manifests.
type Files struct {
	// Stdin is what "-" stands for.
	Stdin io.Reader
	// Namespace is that of objects that name none; empty takes "default".
	Namespace string
	// Complete says that the files are the whole cluster, so that what is not in them does not exist.
	Complete bool
}

// maxFile bounds one file, in bytes: a cluster's worth of objects, and less than would harm a CI runner.
const maxFile = 512 << 20

// errTooLong says that a file is over the bound.
var errTooLong = fmt.Errorf("it is longer than %d MiB", maxFile>>20)

// Read reads files, directories (their .yaml, .yml and .json files, at any depth; hidden directories and symbolic links are
// passed over) and standard input ("-"). An error is returned for a path that cannot be read at all; what is wrong with a document is a finding.
func (f *Files) Read(paths ...string) (*Set, error) {
	s := NewSet()
	r := &reader{kinds: newKindsByName(), namespace: f.Namespace}
	if r.namespace == "" {
		r.namespace = "default"
	}
	for _, path := range paths {
		if err := f.path(s, r, path); err != nil {
			return nil, err
		}
	}
	if f.Complete {
		for _, a := range apis() {
			s.complete(a.kind, "")
		}
	}
	return s, nil
}

func (f *Files) path(s *Set, r *reader, path string) error {
	if path == "-" {
		text, err := readAll(f.Stdin)
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
		return r.read(s, "-", text)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return directory(s, r, path)
	}
	return file(s, r, path)
}

func file(s *Set, r *reader, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := readAll(in)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return r.read(s, filepath.ToSlash(path), text)
}

func readAll(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLong
	}
	return text, err
}

// directory reads what is below a directory. A file that cannot be read is a finding there: nobody asked for it by name.
func directory(s *Set, r *reader, top string) error {
	return filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == top:
			return err
		case err != nil:
			s.problem(unreadable(path, err))
			return nil
		case entry.IsDir():
			return enter(s, path, path == top, entry.Name())
		case !entry.Type().IsRegular() || !manifest(entry.Name()):
			return nil
		}
		if err := file(s, r, path); err != nil {
			s.problem(unreadable(path, err))
		}
		return nil
	})
}

// enter decides whether a directory is read.
func enter(s *Set, path string, top bool, name string) error {
	if !top && (strings.HasPrefix(name, ".") || name == "node_modules") {
		return fs.SkipDir
	}
	if within(path, "Chart.yaml", "Chart.yml") {
		s.problem(notRendered(path, "a Helm chart: it was passed over"))
		return fs.SkipDir
	}
	if within(path, "kustomization.yaml", "kustomization.yml", "Kustomization") {
		s.problem(notRendered(path, "a kustomization: its files were read one by one, not built"))
	}
	return nil
}

func within(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

func manifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name)))
}

func unreadable(path string, err error) Finding {
	if bare := new(fs.PathError); errors.As(err, &bare) {
		err = bare.Err
	}
	ref := Ref{Kind: "file", Name: filepath.ToSlash(path), Source: filepath.ToSlash(path)}
	return finding(idBroken, ref, "", "the file cannot be read: "+err.Error())
}

func notRendered(path, what string) Finding {
	path = filepath.ToSlash(path)
	return finding(idNotRendered, Ref{Kind: "directory", Name: path, Source: path}, "", path+" is "+what)
}
