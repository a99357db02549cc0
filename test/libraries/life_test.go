package libraries

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/tracer"
)

// releaseTime is how long probes may stay behind after their last user.
const releaseTime = 30 * time.Second

// ownCopy is a libssl that no other process of the machine uses, with its libcrypto.
type ownCopy struct{ dir, libcrypto, libssl string }

func newCopy(t *testing.T) ownCopy {
	t.Helper()
	dir := t.TempDir()
	c := ownCopy{dir: dir, libcrypto: filepath.Join(dir, "libcrypto.so.3"), libssl: filepath.Join(dir, "libssl.so.3")}
	c.place(t)
	return c
}

// place puts the files there under new inodes, as an upgrade does.
func (c ownCopy) place(t *testing.T) {
	t.Helper()
	for _, to := range []string{c.libcrypto, c.libssl} {
		b, err := os.ReadFile(linkedTo(t, debian+filepath.Base(to)))
		if err == nil {
			err = os.WriteFile(to+".new", b, 0o644)
		}
		if err == nil {
			err = os.Rename(to+".new", to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// python runs a script in a process that has the copy mapped, and waits until it says that it is up.
func (c ownCopy) python(t *testing.T, script string) *process {
	t.Helper()
	load := fmt.Sprintf("import ctypes, os, socket, sys, time\nctypes.CDLL(%q, mode=ctypes.RTLD_GLOBAL)\nssl = ctypes.CDLL(%q)\n", c.libcrypto, c.libssl)
	p := start(t, "", "/usr/bin/python3", "-c", load+script)
	if !await(20*time.Second, func() bool { return strings.Contains(p.out.String(), "up") || p.ended() }) || p.ended() {
		t.Fatalf("the script does not come up: %s", p.out)
	}
	return p
}

const sleeper = "print('up', flush=True)\ntime.sleep(600)\n"

// targets are what the tracer watches of the copy: the libcrypto stands by.
func (c ownCopy) targets(w *watch) []tracer.Target {
	var found []tracer.Target
	for _, l := range w.Libraries() {
		if strings.HasPrefix(l.Path, c.dir) && (l.State == tracer.StateAttached || l.State == tracer.StateStandby) {
			found = append(found, l)
		}
	}
	return found
}

func (c ownCopy) users(w *watch) int {
	n := 0
	for _, l := range c.targets(w) {
		n = max(n, l.Processes)
	}
	return n
}

// openFiles counts the file descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// crowded is how many processes share a library.
const crowded = 500

// TestManyProcesses has one library in use by many processes: it is looked into once, and let go after the last of them.
func TestManyProcesses(t *testing.T) {
	needRoot(t)
	c := newCopy(t)
	p := c.python(t, fmt.Sprintf(`
for _ in range(%d):
    if os.fork() == 0:
        import ctypes
        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
        time.sleep(600)
`, crowded-1)+sleeper)
	opened := time.Now()
	w := startWatch(t, tracer.Options{})
	if took := time.Since(opened); took > 10*time.Second {
		t.Errorf("opening took %v", took)
	}
	files := openFiles(t)
	if !await(eventTimeout, func() bool { return c.users(w) == crowded }) {
		t.Errorf("%d users known, want %d: %s", c.users(w), crowded, asJSON(c.targets(w)))
	}
	once := map[string]bool{}
	for _, l := range c.targets(w) {
		if once[l.Path+l.Family] {
			t.Errorf("listed twice: %s", asJSON(l))
		}
		once[l.Path+l.Family] = true
	}
	if grown := openFiles(t) - files; grown > 50 {
		t.Errorf("%d file descriptors for %d processes", grown, crowded)
	}
	p.kill()
	c.expectReleased(t, w, files)
}

// expectReleased waits until nothing of the copy is left: no target, and no more file descriptors than before.
func (c ownCopy) expectReleased(t *testing.T, w *watch, files int) {
	t.Helper()
	if !await(releaseTime, func() bool { return len(c.targets(w)) == 0 }) {
		t.Errorf("not released: %s", asJSON(c.targets(w)))
	}
	if left := openFiles(t); left > files {
		t.Errorf("%d file descriptors before and %d after", files, left)
	}
}

// unmap takes libssl out of the process' memory while its connection is open and probes are in it.
const unmap = `
print('up', flush=True)
sys.stdin.readline()
libc = ctypes.CDLL(None)
for line in open('/proc/self/maps'):
    if line.rstrip().endswith('/libssl.so.3'):
        start, end = (int(n, 16) for n in line.split()[0].split('-'))
        libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(end - start))
conn.send(b'x')
`

// TestUserGoes ends the only user of a library in all ways while it is in a handshake.
func TestUserGoes(t *testing.T) {
	needRoot(t)
	silent := listenSilently(t)
	w := startWatch(t, tracer.Options{})
	hello := fmt.Sprintf(`
for name in 'TLS_client_method SSL_CTX_new SSL_new'.split():
    getattr(ssl, name).restype = ctypes.c_void_p
session = ctypes.c_void_p(ssl.SSL_new(ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))))
conn = socket.create_connection(('127.0.0.1', %d))
conn.setblocking(False)
ssl.SSL_set_fd(session, conn.fileno())
ssl.SSL_connect(session)
`, silent)
	for name, way := range map[string]struct {
		script string
		end    func(p *process)
	}{
		"killed":        {sleeper, func(p *process) { p.kill() }},
		"exec":          {"print('up', flush=True)\nsys.stdin.readline()\nos.execv('/bin/sleep', ['sleep', '600'])\n", func(p *process) { _, _ = p.in.Write([]byte("\n")) }},
		"broken off":    {"print('up', flush=True)\nsys.stdin.readline()\nconn.close()\nos._exit(0)\n", func(p *process) { _, _ = p.in.Write([]byte("\n")) }},
		"unmapped":      {unmap + "os._exit(0)\n", func(p *process) { _, _ = p.in.Write([]byte("\n")) }},
		"dumped a core": {sleeper, func(p *process) { _ = p.cmd.Process.Signal(syscall.SIGABRT) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCopy(t)
			p := c.python(t, hello+way.script)
			if !await(eventTimeout, func() bool { return len(c.targets(w)) == 2 }) {
				t.Fatalf("its hello did not announce it: %s", asJSON(w.Libraries()))
			}
			way.end(p)
			if !await(releaseTime, func() bool { return len(c.targets(w)) == 0 }) {
				t.Errorf("not released: %s", asJSON(c.targets(w)))
			}
		})
	}
}

// TestUpgradeInPlace replaces a library that is in use: the next process has probes in the new file, and the old one keeps its own.
func TestUpgradeInPlace(t *testing.T) {
	l := newLab(t)
	c := newCopy(t)
	c.python(t, sleeper)
	w := startWatch(t, tracer.Options{})
	w.attached(t, c.libssl)
	c.place(t)
	port := l.serve(t, func(port int) []string {
		return scriptServer(settings{port: port, version: "1.3", pair: l.pki.ok}, c.libcrypto, c.libssl)
	}).port
	l.load(t, port, 1, "--requests", "0")
	if !await(eventTimeout, func() bool { return len(c.targets(w)) == 4 }) {
		t.Errorf("want the old pair of files and the new one: %s", asJSON(c.targets(w)))
	}
}

// listenSilently accepts connections and says nothing on them.
func listenSilently(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, listener) })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
