package others

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scraper follows an nginx error log.
//
//go:embed scrape.py
var scraper []byte

// traffic is nginx on port 443 and a client that makes handshakes with it, of which some fail: it does not know the server's CA.
type traffic struct {
	dir              string
	gopeer           string
	nginx            *exec.Cmd
	healthy, failing int
	reset            string // path of the bpftrace script
}

const trafficConf = `
daemon off; master_process off; pid nginx.pid; error_log %s info;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%d ssl;
		ssl_certificate server.pem; ssl_certificate_key server.key;
	}
}
`

func newTraffic(t *testing.T, handshakes, failing int) *traffic {
	t.Helper()
	tr := &traffic{dir: t.TempDir(), gopeer: os.Getenv("TLSTRACE_GOPEER"), healthy: handshakes - failing, failing: failing}
	if tr.gopeer == "" {
		tr.gopeer = build(t, "build", module+"/test/scenarios/gopeer")
	}
	tr.reset = filepath.Join(tr.dir, "reset.bt")
	tr.write(t, tr.reset, ResetScript)
	tr.write(t, filepath.Join(tr.dir, "scrape.py"), scraper)
	tr.write(t, filepath.Join(tr.dir, "nginx.conf"), fmt.Appendf(nil, trafficConf, tr.log(), Port))
	for _, name := range []string{"server", "other"} {
		tr.certificate(t, name)
	}
	tr.nginx = exec.Command("nginx", "-p", tr.dir, "-c", "nginx.conf", "-e", tr.log())
	tr.nginx.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := tr.nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(tr.nginx.Process.Kill(), tr.nginx.Wait()) })
	await(t, "nginx does not serve", func() bool { _, err := tr.load(1, "server"); return err == nil }, &lockedBuffer{})
	return tr
}

func (tr *traffic) log() string { return filepath.Join(tr.dir, "error.log") }

func (tr *traffic) write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate makes a certificate that is its own CA.
func (tr *traffic) certificate(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN="+name, "-addext", "subjectAltName=DNS:localhost", "-keyout", name+".key", "-out", name+".pem")
	cmd.Dir = tr.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl req: %v\n%s", err, out)
	}
}

// run makes all handshakes and returns the CPU time of the client and of nginx.
func (tr *traffic) run(t *testing.T) time.Duration {
	t.Helper()
	before, err := cpuTime("/proc", tr.nginx.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	healthy, err := tr.load(tr.healthy, "server")
	if err != nil {
		t.Fatal(err)
	}
	failing, err := tr.load(tr.failing, "other")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		t.Fatalf("handshakes with a client that does not know the CA do not fail: %v", err)
	}
	after, err := cpuTime("/proc", tr.nginx.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return healthy + failing + after - before
}

// load makes handshakes one after the other and returns the client's CPU time.
func (tr *traffic) load(count int, ca string) (time.Duration, error) {
	cmd := exec.Command(tr.gopeer, "load", "--port", strconv.Itoa(Port), "--count", strconv.Itoa(count), "--requests", "0",
		"--ca", filepath.Join(tr.dir, ca+".pem"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return clientTime(cmd), fmt.Errorf("%w: %.300s", err, out)
	}
	return clientTime(cmd), nil
}

func clientTime(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// handshakeFilter takes the segments that begin with a TLS record of the type handshake or alert.
const handshakeFilter = "tcp port 443 and (tcp[((tcp[12] & 0xf0) >> 2)] = 22 or tcp[((tcp[12] & 0xf0) >> 2)] = 21)"

// tool is the command line of a tool, and how one sees in its output that it watches.
func (tr *traffic) tool(t *testing.T, name string) (*exec.Cmd, func(output string) bool) {
	t.Helper()
	switch name {
	case "tcpdump":
		file := filepath.Join(tr.dir, "handshakes.pcap")
		_ = os.Remove(file) // absent before the first run
		return exec.Command("tcpdump", "-i", "lo", "-n", "-U", "-Z", "root", "-w", file, handshakeFilter), func(string) bool {
			_, err := tr.load(1, "server")
			info, statErr := os.Stat(file)
			return err == nil && statErr == nil && info.Size() > 24 // more than the file's header
		}
	case "python":
		return exec.Command("/usr/bin/python3", filepath.Join(tr.dir, "scrape.py"), tr.log()), func(output string) bool {
			return strings.Contains(output, "following")
		}
	}
	known := find(t, name)
	argv := known.Argv(tr.reset)
	return exec.Command(argv[0], argv[1:]...), func(output string) bool {
		// A handshake that fails makes an alert that tshark prints and an error that the script prints.
		_, _ = tr.load(1, "other")
		return len(known.Lines(output)) > 0
	}
}
