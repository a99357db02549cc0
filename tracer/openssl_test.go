package tracer

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf/link"

	"github.com/tlstrace/tlstrace/tracer/library"
)

// fileOf is a file with an OpenSSL, as it is found.
func fileOf(path string, layout library.Layout, probes ...library.Probe) *file {
	t := library.Target{Family: library.OpenSSL, Layout: layout}
	for i, p := range probes {
		t.Points = append(t.Points, library.Point{Probe: p, Offset: uint64(i)})
	}
	return &file{path: path, libraries: []library.Target{t}}
}

var (
	layout35 = library.Layout{VerifyError: 0xb0, VerifyDepth: 0xac}
	layout36 = library.Layout{VerifyError: 0xb8, VerifyDepth: 0xb4}
)

func libssl(dir string, more ...library.Probe) *file {
	return fileOf(dir+"/libssl.so.3", library.Layout{}, append([]library.Probe{library.ProbeGetError}, more...)...)
}

func libcrypto(dir string, layout library.Layout) *file {
	return fileOf(dir+"/libcrypto.so.3.5.1", layout, library.ProbeSetError, library.ProbeVerifyResult)
}

// wholeOpenSSL is a program with both in it.
func wholeOpenSSL(path string, more ...library.Probe) *file {
	return fileOf(path, layout36, append([]library.Probe{library.ProbeGetError, library.ProbeSetError, library.ProbeVerifyResult}, more...)...)
}

const (
	atFatal  = library.ProbeStatemFatal
	atCall   = library.ProbeVerifyCall
	atResult = library.ProbeVerifyResult
	atSet    = library.ProbeSetError
)

func TestWhichProbesBelongIntoOpenSSL(t *testing.T) {
	boring := &file{path: "/usr/bin/envoy", libraries: []library.Target{{Family: library.BoringSSL, Points: []library.Point{{Probe: atResult}}}}}
	tests := []struct {
		name  string
		files []*file
		want  [][]library.Probe // for each file, but for SSL_get_error
	}{
		{"libssl and libcrypto", []*file{libssl("/usr/lib", atFatal, atCall), libcrypto("/usr/lib", layout35)}, [][]library.Probe{{atFatal, atCall}, nil}},
		{"the other way round", []*file{libcrypto("/usr/lib", layout35), libssl("/usr/lib", atFatal, atCall)}, [][]library.Probe{nil, {atFatal, atCall}}},
		{"no call was found", []*file{libssl("/usr/lib", atFatal), libcrypto("/usr/lib", layout35)}, [][]library.Probe{{atFatal}, {atResult}}},
		{"nothing was found", []*file{libssl("/usr/lib"), libcrypto("/usr/lib", layout35)}, [][]library.Probe{nil, {atSet, atResult}}},
		{"libcrypto alone", []*file{libcrypto("/usr/lib", layout35)}, [][]library.Probe{nil}},
		{"libcrypto beside another library", []*file{boring, libcrypto("/usr/lib", layout35)}, [][]library.Probe{nil, nil}},
		{"libssl alone", []*file{libssl("/usr/lib", atFatal, atCall)}, [][]library.Probe{{atFatal}}},
		{"a libcrypto of unknown layout", []*file{libssl("/usr/lib", atFatal, atCall), libcrypto("/usr/lib", library.Layout{})}, [][]library.Probe{{atFatal}, nil}},
		{"static", []*file{wholeOpenSSL("/usr/bin/node", atFatal)}, [][]library.Probe{{atFatal, atResult}}},
		{"static, stripped", []*file{wholeOpenSSL("/usr/bin/node")}, [][]library.Probe{{atSet, atResult}}},
		{
			"static, and a shared one for an addon", []*file{libssl("/usr/lib", atFatal, atCall), libcrypto("/usr/lib", layout35), wholeOpenSSL("/usr/bin/node", atFatal)},
			[][]library.Probe{{atFatal, atCall}, nil, {atFatal, atResult}},
		},
		{
			"a second pair in a package", []*file{libssl("/usr/lib", atFatal, atCall), libcrypto("/pkg.libs", layout36), libcrypto("/usr/lib", layout35), libssl("/pkg.libs")},
			[][]library.Probe{{atFatal, atCall}, {atSet, atResult}, nil, nil},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for i, f := range tc.files {
				var got []library.Probe
				for _, u := range uprobes {
					if !u.deep && f.has(u.probe) && belongs(u, f, tc.files) {
						got = append(got, u.probe)
					}
				}
				if !slices.Equal(got, tc.want[i]) {
					t.Errorf("%s gets %v, want %v", f.path, got, tc.want[i])
				}
			}
		})
	}
}

func TestOpenSSLLayout(t *testing.T) {
	ssl, crypto := libssl("/usr/lib", atCall), libcrypto("/usr/lib", layout35)
	other, brought := libssl("/pkg.libs", atCall), libcrypto("/pkg.libs", layout36)
	static := wholeOpenSSL("/usr/bin/node")
	tests := []struct {
		name     string
		of       *file
		together []*file
		want     library.Layout
	}{
		{"libssl", ssl, []*file{ssl, crypto}, layout35},
		{"libcrypto", crypto, []*file{ssl, crypto}, layout35},
		{"a libssl with a libcrypto from elsewhere", ssl, []*file{ssl, brought}, layout36},
		{"the nearer of two", ssl, []*file{brought, other, ssl, crypto}, layout35},
		{"the other of two", other, []*file{crypto, brought, other, ssl}, layout36},
		{"the second libcrypto", brought, []*file{crypto, brought, other, ssl}, layout36},
		{"static", static, []*file{crypto, ssl, static}, layout36},
		{"no libcrypto", ssl, []*file{ssl}, library.Layout{}},
	}
	for _, tc := range tests {
		if got := openSSLLayout(tc.of, tc.together); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestCookieTellsWhereTheResultIs(t *testing.T) {
	crypto := libcrypto("/usr/lib", layout36).libraries[0]
	want := uint64(0xb8) | 0xb4<<16 | uint64(bpfFamilyFAMILY_OPENSSL)<<32
	for _, p := range []library.Probe{atCall, atResult} {
		if got := cookie(p, crypto); got != want {
			t.Errorf("%s: %#x, want %#x", p, got, want)
		}
	}
}

func TestWithout(t *testing.T) {
	before := libssl("/usr/lib", atFatal, atCall, atCall).libraries
	after := without(atCall, before)
	if len(before[0].Points) != 4 || len(after[0].Points) != 2 || after[0].Points[1].Probe != atFatal {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestStateOfAFile(t *testing.T) {
	probes := map[library.Probe][]link.Link{atCall: {closedLink{}}}
	tests := []struct {
		name  string
		users int
		links map[library.Probe][]link.Link
		why   string
		want  State
	}{
		{"with probes", 1, probes, "", StateAttached},
		{"with probes, its last user is gone", 0, probes, "", StateAttached},
		{"in use, and needs none", 1, nil, "", StateStandby},
		{"of nobody", 0, nil, "", StateReleased},
		{"that the kernel refuses", 1, nil, "verify_call: not supported", StateRefused},
	}
	for _, tc := range tests {
		f := libssl("/usr/lib", atCall)
		f.users, f.links, f.why = tc.users, tc.links, tc.why
		if got := f.report(f.libraries[0]).State; got != tc.want {
			t.Errorf("a file %s is %s, want %s", tc.name, got, tc.want)
		}
	}
}
