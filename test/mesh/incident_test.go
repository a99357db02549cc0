package mesh_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the commands of docs/incident.md print into it")

const incidentPage = "../../docs/incident.md"

// movedPort is where the rules of the new release lead.
const movedPort = 15011

// outage is the mesh of docs/incident.md, in which checkout asks payments over and over.
type outage struct {
	*mesh
	dir      string // where its commands run
	checkout *process
}

// newOutage starts a mesh that works, and then moves the redirect.
func newOutage(t *testing.T) *outage {
	l := newLab(t)
	o := &outage{mesh: l.newMesh(t, setup{}), dir: t.TempDir()}
	o.checkout = o.client.start(role("checkout"), filepath.Join(l.dir, "checkout"), "http://"+at(o.service, appPort))
	o.logged("INFO charge: 200 OK")
	must(t, os.WriteFile(filepath.Join(o.dir, "v1.nft"), []byte(rules(outboundPort, inboundPort)), 0o600))
	o.client.redirect(movedPort, inboundPort)
	o.logged("connection refused")
	return o
}

// logged waits until the last that checkout says holds a text.
func (o *outage) logged(text string) {
	o.t.Helper()
	eventually(o.t, "checkout says "+text, func() bool {
		said := strings.Split(strings.TrimSpace(o.checkout.out.String()), "\n")
		return strings.Contains(said[len(said)-1], text)
	})
}

// run runs a command of the page on a terminal, and returns what it prints. PID is that of checkout, as the page says.
func (o *outage) run(command string) string {
	o.t.Helper()
	for name, p := range map[string]*process{"checkout.log": o.checkout, "sidecar.log": o.out} {
		must(o.t, os.WriteFile(filepath.Join(o.dir, name), []byte(p.out.String()+p.err.String()), 0o600))
	}
	binary, err := tlstrace()
	must(o.t, err)
	status := filepath.Join(o.dir, "status")
	must(o.t, os.RemoveAll(status))
	script := "cd " + o.dir + "; stty cols 100 rows 60; exec 2>stderr; " + command + "; echo $? >status"
	cmd := exec.Command("script", "-qec", script, "/dev/null")
	cmd.Env = append(os.Environ(),
		"PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "PID="+strconv.Itoa(o.checkout.pid()), "SHELL=/bin/sh", "TERM=xterm",
		"NO_COLOR=1", "LC_ALL=C.UTF-8", "TZ=UTC", "XDG_STATE_HOME="+o.dir, "TLSTRACE_CGROUP="+o.node.cgroup)
	shell := launch(o.t, cmd, cgroup2(o.t))
	shell.wait(o.t)
	ended, err := os.ReadFile(status)
	must(o.t, err)
	if told, _ := os.ReadFile(filepath.Join(o.dir, "stderr")); strings.TrimSpace(string(ended)) != "0" {
		o.t.Fatalf("%s: exit status %s%s", command, ended, told)
	}
	return strings.ReplaceAll(shell.out.String(), "\r\n", "\n")
}

// prompt begins a command of the page; what follows is what it prints.
const prompt = "# "

// TestIncident runs the commands of docs/incident.md in the outage that it tells of, and compares what they print.
func TestIncident(t *testing.T) {
	page, err := os.ReadFile(incidentPage)
	must(t, err)
	o := newOutage(t)
	var got strings.Builder
	commands, inBlock := 0, false
	for line := range strings.Lines(string(page)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock = line == "```console\n"
			got.WriteString(line)
		case !inBlock:
			got.WriteString(line)
		case strings.HasPrefix(line, prompt):
			got.WriteString(line + o.run(strings.TrimSpace(strings.TrimPrefix(line, prompt))))
			commands++
		}
	}
	if commands < 5 {
		t.Fatalf("%s has %d commands", incidentPage, commands)
	}
	if *update {
		must(t, os.WriteFile(incidentPage, []byte(got.String()), 0o644))
		return
	}
	if diff := cmp.Diff(strings.Fields(steady(string(page))), strings.Fields(steady(got.String()))); diff != "" {
		t.Errorf("other words than on the page:\n%s\nThe page would be:\n%s", diff, got.String())
	}
}

// volatile is what differs from run to run; each is replaced by its name. How text is wrapped depends on its length, and goes with it.
var volatile = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d `), "DATE "},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?\b`), "TIME"},
	{regexp.MustCompile(`first seen TIME, last TIME`), "seen TIME"},
	{regexp.MustCompile(`\bid [0-9a-f]{16,20}\b`), "id ID"},
	{regexp.MustCompile(`\b10\.77\.1\.10:\d+`), "10.77.1.10:PORT"},
	{regexp.MustCompile(`\[\d+\]`), "[PID]"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (µs|ms|s)\b`), "DURATION"},
	{regexp.MustCompile(`\b\d+ (succeeded|noise)\b`), "N $1"},
	{regexp.MustCompile(`\s+`), " "},
}

// steady is a text without what is volatile.
func steady(text string) string {
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.name)
	}
	return text
}
