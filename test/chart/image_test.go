package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tlstrace/tlstrace/event"
)

// TestImageTracesOtherContainers runs the image that TLSTRACE_IMAGE names as the DaemonSet says, privileged and with capabilities only, and
// has the handshake between two other containers fail. docs/image.md says how the image is built without a registry.
func TestImageTracesOtherContainers(t *testing.T) {
	image := os.Getenv("TLSTRACE_IMAGE")
	if image == "" {
		t.Skip("TLSTRACE_IMAGE names no image: make test-image builds one and runs this")
	}
	if os.Getuid() != 0 {
		t.Skip("containers that trace need root")
	}
	peer := peerImage(t)
	for name, values := range map[string]string{
		"privileged":   "config: {fold: 0s}",
		"capabilities": "{config: {fold: 0s}, securityContext: {privileged: false}}",
	} {
		t.Run(name, func(t *testing.T) {
			agent := startAgent(t, image, values)
			server := container(t, "--network=none", peer, "server")
			eventually(t, "the server listens", func() bool { return strings.Contains(server.logs(t), "listening") })
			client := container(t, "--network=container:"+server.id, peer, "client")
			eventually(t, "the failure is told", func() bool {
				e, ok := failureOf(t, agent.logs(t))
				if ok {
					check(t, e, server, client)
				}
				return ok
			})
		})
	}
}

// check compares the event with what the containers did.
func check(t *testing.T, e event.Event, server, client running) {
	t.Helper()
	if e.Verdict.GaveUp != event.Client || e.Node != "node-1" {
		t.Errorf("on %s: %+v", e.Node, e.Verdict)
	}
	for _, end := range []struct {
		event.Endpoint
		of running
	}{{e.Client, client}, {e.Server, server}} {
		if end.Process == nil || end.Process.Exe != "/peer" {
			t.Errorf("the process of %s is %+v", end.of.id, end.Process)
		}
	}
}

// failureOf finds the failed handshake in an agent's output, once the library has told the reason: a program that nobody has seen before is
// not probed yet when its first one fails.
func failureOf(t *testing.T, output string) (event.Event, bool) {
	t.Helper()
	for line := range strings.Lines(output) {
		var e event.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Outcome == event.Failed && e.TLS != nil && e.TLS.SNI == "payments.test" && e.Verdict.Reason == event.UnknownCA {
			return e, true
		}
	}
	return event.Event{}, false
}

// startAgent runs an image as the DaemonSet says, but without a cluster, and waits until it is ready.
func startAgent(t *testing.T, image, values string) running {
	t.Helper()
	d := daemonSet(t, values)
	args := []string{"--network=none"} // a pod has a network of its own
	// There is no API server: names of Kubernetes, and asking it who may read, are off.
	text := strings.NewReplacer(`kubernetes: "on"`, `kubernetes: "off"`, "auth: tokenreview", "auth: none").Replace(configOf(t, values))
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o644))
	args = append(args, asPodman(t, d)...)
	args = append(args, "--volume="+dir+":/etc/tlstrace/config:ro", "--env=TLSTRACE_NODE=node-1", image)
	agent := container(t, append(args, d.Spec.Template.Spec.Containers[0].Args...)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent wrote:\n%s", agent.logs(t))
		}
	})
	eventually(t, "the agent traces", func() bool { return strings.Contains(agent.logs(t), `"msg":"tracing"`) })
	return agent
}

// asPodman says in podman's words what a DaemonSet's container may do and see of the node.
func asPodman(t *testing.T, d *appsv1.DaemonSet) []string {
	t.Helper()
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	s := c.SecurityContext
	args := []string{fmt.Sprintf("--user=%d:%d", *s.RunAsUser, *s.RunAsGroup)}
	if pod.HostPID {
		args = append(args, "--pid=host")
	}
	if *s.ReadOnlyRootFilesystem {
		args = append(args, "--read-only", "--read-only-tmpfs=false")
	}
	if s.Privileged != nil && *s.Privileged {
		args = append(args, "--privileged")
	} else {
		args = append(args, "--cap-drop=all", "--security-opt=no-new-privileges")
		if s.SeccompProfile.Type == corev1.SeccompProfileTypeUnconfined {
			args = append(args, "--security-opt=seccomp=unconfined")
		}
		for _, capability := range s.Capabilities.Add {
			args = append(args, "--cap-add="+string(capability))
		}
	}
	paths := map[string]string{}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			paths[v.Name] = v.HostPath.Path
		}
	}
	for _, m := range c.VolumeMounts {
		if path := paths[m.Name]; path != "" {
			args = append(args, fmt.Sprintf("--volume=%s:%s:ro", path, m.MountPath))
		}
	}
	return args
}

// peerImage makes an image of the program in ./peer, and nothing else.
func peerImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile(compile(t, "./peer"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "peer"), program, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY peer /peer\nUSER 65534:65534\nENTRYPOINT [\"/peer\"]\n"), 0o644))
	name := fmt.Sprintf("localhost/tlstrace-peer:%d", os.Getpid())
	podman(t, "build", "--isolation=chroot", "--quiet", "--tag="+name, dir)
	t.Cleanup(func() { _ = exec.Command("podman", "rmi", "--force", name).Run() })
	return name
}

// running is a container.
type running struct{ id string }

// container starts one that ends with the test. The limits are those of this process, which a container cannot raise.
func container(t *testing.T, args ...string) running {
	t.Helper()
	runtime, err := exec.LookPath("runc")
	must(t, err)
	args = append([]string{"--runtime=" + runtime, "run", "--detach", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"}, args...)
	id := strings.TrimSpace(podman(t, args...))
	t.Cleanup(func() { _ = exec.Command("podman", "--runtime="+runtime, "rm", "--force", "--time=0", id).Run() })
	return running{id: id}
}

// logs are what a container wrote so far, on both of its outputs.
func (r running) logs(t *testing.T) string {
	t.Helper()
	return podman(t, "logs", r.id)
}

func podman(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("podman", args...) // also when the test has ended: its logs are asked for then
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if args[0] == "logs" {
		cmd.Stderr = &out
	}
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("podman is not installed")
		}
		t.Fatalf("podman %q: %v: %s", args, err, said.String())
	}
	return out.String()
}

// eventually waits up to half a minute.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
