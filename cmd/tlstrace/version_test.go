package main

import (
	"runtime/debug"
	"testing"
)

func TestThisBuild(t *testing.T) {
	info := &debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}},
	}
	if b := thisBuild(info); b.Version != "v1.2.3" || b.Commit != "abc" {
		t.Errorf("without linker flags: %+v", b)
	}
	if b := thisBuild(nil); b.Go == "" || b.Platform == "" {
		t.Errorf("without build information: %+v", b)
	}
}
