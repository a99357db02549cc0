package cgroup

import "testing"

func TestFindCgroup(t *testing.T) {
	mounts := "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
	if got, ok := cgroup2Mount(mounts); got != "/sys/fs/cgroup/unified" || !ok {
		t.Errorf("%q, %v", got, ok)
	}
	if got, ok := cgroup2Mount("tmpfs /tmp tmpfs rw 0 0\n"); ok {
		t.Errorf("found %q where there is none", got)
	}
	if got := ownCgroup("4:memory:/a\n0::/system.slice/x.service\n"); got != "/system.slice/x.service" {
		t.Errorf("%q", got)
	}
	if got := ownCgroup("4:memory:/a\n"); got != "/" {
		t.Errorf("%q", got)
	}
}
