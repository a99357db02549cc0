package tracer

import (
	"path/filepath"
	"slices"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// belongs says whether a probe belongs into the OpenSSL of a file, for a process that uses these files.
func belongs(u uprobe, f *file, together []*file) bool {
	switch {
	case u.probe == library.ProbeVerifyCall:
		return openSSLLayout(f, together) != library.Layout{}
	case u.standsFor == nil:
		return true
	}
	return slices.ContainsFunc(together, func(ssl *file) bool {
		return isOpenSSL(ssl) && cryptoOf(ssl, together) == f && !slices.ContainsFunc(u.standsFor, ssl.has)
	})
}

// openSSLLayout is what the code of a file tells of OpenSSL's structures, or that of its libcrypto if it is a libssl.
func openSSLLayout(f *file, together []*file) library.Layout {
	if crypto := cryptoOf(f, together); crypto != nil {
		return crypto.openSSLLayout()
	}
	return library.Layout{}
}

func (f *file) openSSLLayout() library.Layout {
	for _, l := range f.libraries {
		if l.Family == library.OpenSSL {
			return l.Layout
		}
	}
	return library.Layout{}
}

// cryptoOf returns the libcrypto that a libssl works with: itself if both are in one file, else that of the same directory, since a process
// may use a second OpenSSL that a package has brought along, else any. It is nil if there is none.
func cryptoOf(ssl *file, together []*file) *file {
	nearness := func(f *file) int {
		switch {
		case !isCrypto(f):
			return 0
		case f == ssl:
			return 3
		case filepath.Dir(f.path) == filepath.Dir(ssl.path):
			return 2
		}
		return 1
	}
	var nearest *file
	for _, f := range together {
		if n := nearness(f); n > 0 && (nearest == nil || n > nearness(nearest)) {
			nearest = f
		}
	}
	return nearest
}

// isOpenSSL says that a file makes sessions: a libssl, or a program with one in it. A libcrypto alone does not.
func isOpenSSL(f *file) bool { return f.has(library.ProbeGetError) }

// isCrypto says that a file is a libcrypto, or a program with one in it: all places that stand in for others are there.
func isCrypto(f *file) bool {
	return slices.ContainsFunc(uprobes, func(u uprobe) bool { return u.standsFor != nil && f.has(u.probe) })
}

// has says that a place for a probe was found in an OpenSSL.
func (f *file) has(probe library.Probe) bool {
	return slices.ContainsFunc(f.libraries, func(l library.Target) bool {
		return l.Family == library.OpenSSL && slices.ContainsFunc(l.Points, func(p library.Point) bool { return p.Probe == probe })
	})
}

// reconcile gives up the calls in a libssl that another process uses with a libcrypto of another layout: a probe is told one layout, for all
// who use the file. That is what becomes of a process that loads its libssl after an upgrade, and its libcrypto before. In the
// libcryptos, the stand-in knows the layout of each.
func (t *targets) reconcile(together []*file) {
	for _, f := range together {
		layout := openSSLLayout(f, together)
		if len(f.links[library.ProbeVerifyCall]) == 0 || layout == (library.Layout{}) || layout == f.callLayout {
			continue
		}
		t.log.Info("a libssl is used with libcryptos that differ: verify results are read in those", "path", f.path)
		t.giveUp(f, library.ProbeVerifyCall)
		for _, files := range t.users {
			if slices.Contains(files, f) {
				t.attachAll(files)
			}
		}
	}
}

// giveUp takes a probe out of a file, and forgets where it was.
func (t *targets) giveUp(f *file, probe library.Probe) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := closeAll(f.links[probe]); err != nil {
		t.log.Warn("cannot take a probe out of a TLS library", "path", f.path, "error", err)
	}
	delete(f.links, probe)
	f.libraries = without(probe, f.libraries)
}

// without returns the libraries without the places of a probe.
func without(probe library.Probe, libraries []library.Target) []library.Target {
	libraries = slices.Clone(libraries)
	for i, l := range libraries {
		libraries[i].Points = slices.DeleteFunc(slices.Clone(l.Points), func(p library.Point) bool { return p.Probe == probe })
	}
	return libraries
}
