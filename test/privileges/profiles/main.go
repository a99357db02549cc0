// Command profiles writes what container runtimes confine a container by that they are told nothing about:
//
//	go run -C test/privileges/profiles . ../testdata
//
// The profiles of seccomp follow the capabilities of the container. That of older runtimes allows bpf(2) and perf_event_open(2) to holders of
// CAP_SYS_ADMIN only, which is what today's makes for a container without capabilities.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/contrib/apparmor"
	containerd "github.com/containerd/containerd/v2/contrib/seccomp"
	docker "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities are those of the chart.
var capabilities = []string{"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: profiles DIRECTORY")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(dir string) error {
	ofDocker, err := docker.GetDefaultProfile(container(capabilities))
	if err != nil {
		return err
	}
	ofContainerd, err := apparmor.DumpDefaultProfile("cri-containerd.apparmor.d")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cri-containerd.apparmor.d"), []byte(ofContainerd), 0o644); err != nil {
		return err
	}
	for name, profile := range map[string]*specs.LinuxSeccomp{
		"docker":     ofDocker,
		"containerd": containerd.DefaultProfile(container(capabilities)),
		"older":      containerd.DefaultProfile(container(nil)),
	} {
		text, err := json.MarshalIndent(profile, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".seccomp.json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func container(capabilities []string) *specs.Spec {
	return &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{
		Bounding: capabilities, Effective: capabilities, Permitted: capabilities,
	}}}
}
