package library

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// The offsets of each release are those that its compiler writes into the debugging information of a program, and so are those that the
// comment of findGo names.
func TestGoLayouts(t *testing.T) {
	for _, release := range goReleases {
		for _, arch := range []string{"amd64", "arm64"} {
			b := goBuild{release: release, arch: arch}
			t.Run(b.String(), func(t *testing.T) {
				path := b.program(t)
				layout := goTarget(t, path).Layout
				structs := goStructs(t, path, "crypto/tls.Conn", "crypto/tls.permanentError", "net.OpError", "net.TCPConn", "net.conn", "net.netFD", "internal/poll.FD",
					"crypto/tls.CertificateVerificationError", "crypto/x509.CertificateInvalidError")
				for field, want := range map[string]uint32{
					"crypto/tls.Conn.isClient":      layout.GoIsClient,
					"crypto/tls.Conn.vers":          layout.GoVersion,
					"crypto/tls.Conn.conn":          0,
					"crypto/tls.permanentError.err": 0,

					"crypto/tls.CertificateVerificationError.Err": 24,
					"crypto/x509.CertificateInvalidError.Reason":  8,
					"crypto/x509.CertificateInvalidError.Detail":  16,
					"net.OpError.Op":         0,
					"net.OpError.Err":        64,
					"net.TCPConn.conn":       0,
					"net.conn.fd":            0,
					"net.netFD.pfd":          0,
					"internal/poll.FD.Sysfd": layout.GoFD,
				} {
					if got, ok := structs[field]; !ok || got != int64(want) {
						t.Errorf("%s at %d (%t), want %d", field, got, ok, want)
					}
				}
				if hash := itabHash(t, path, "go:itab.*net.TCPConn,net.Conn"); hash != layout.GoTCPConn {
					t.Errorf("hash of *net.TCPConn %#x, want %#x", hash, layout.GoTCPConn)
				}
				if hash := itabHash(t, path, "go:itab.*crypto/tls.CertificateVerificationError,error"); hash != layout.GoVerification {
					t.Errorf("hash of *tls.CertificateVerificationError %#x, want %#x", hash, layout.GoVerification)
				}
				if layout.GoCertReceiver == 0 && arch == "amd64" {
					t.Error("processCertsFromClient keeps its receiver nowhere")
				}
				for _, name := range goErrorNames {
					symbol := "go:itab." + goErrorSymbol(name) + ",error"
					if got := GoErrorType(itabHash(t, path, symbol)); got != name {
						t.Errorf("%s is taken for %q", name, got)
					}
				}
			})
		}
	}
}

// goErrorSymbol is the type of an error as itabs name it: with its whole path, and a pointer where the package makes pointers.
func goErrorSymbol(name string) string {
	if name == GoErrorString {
		return "*" + name
	}
	return "crypto/" + name
}

// goStructs returns the offsets of the fields of structs, by "package.Struct.field".
func goStructs(t *testing.T, path string, names ...string) map[string]int64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	fields := map[string]int64{}
	for r := data.Reader(); ; {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return fields
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag != dwarf.TagStructType || !wanted[name] {
			continue
		}
		typ, err := data.Type(e.Offset)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range typ.(*dwarf.StructType).Field {
			fields[name+"."+field.Name] = field.ByteOffset
		}
	}
}

// itabHash reads the hash of the type in an itab, a symbol.
func itabHash(t *testing.T, path, symbol string) uint32 {
	t.Helper()
	b := openImage(t, path).Bytes(symbolAddress(t, path, symbol)+16, 4)
	if len(b) < 4 {
		t.Fatalf("%s of %s is not in the file", symbol, path)
	}
	return binary.LittleEndian.Uint32(b)
}
