package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestProvenanceIsInTheFirstLines(t *testing.T) {
	text := Provenance{Kernel: "6.1 */ #1\n", BTF: []byte("abc"), Command: "make it", Reader: "reader v1"}.Comment()
	if !strings.HasPrefix(text, "/* SPDX-License-Identifier: GPL-2.0-only */\n") {
		t.Errorf("begins with %.60q, want the licence", text)
	}
	for _, want := range []string{
		"Command: make it\n",
		"Kernel:  6.1 * / #1 \n",
		"sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
		"Reader:  reader v1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, "*/") != 2 {
		t.Errorf("a kernel's name ends the comment:\n%s", text)
	}
}

func TestReaderVersion(t *testing.T) {
	info := &debug.BuildInfo{Deps: []*debug.Module{{Path: "golang.org/x/sys", Version: "v0.1.0"}, {Path: "github.com/cilium/ebpf", Version: "v0.22.0"}}}
	if got := readerVersion(info); got != "github.com/cilium/ebpf v0.22.0" {
		t.Errorf("got %q", got)
	}
	if got := readerVersion(nil); got != "github.com/cilium/ebpf (unknown version)" {
		t.Errorf("got %q", got)
	}
}
