package tracer

import (
	"errors"
	"strings"
	"testing"
)

func TestFindCgroup2(t *testing.T) {
	const v1 = "31 23 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	for _, tc := range []struct{ name, mountinfo, want string }{
		{"unified", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup"},
		{"hybrid", v1 + "32 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/unified"},
		{"the mount that shows the root wins", "40 1 0:26 /kubepods/pod1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n" +
			"41 1 0:26 / /host/cgroup rw - cgroup2 cgroup rw\n", "/host/cgroup"},
		{"a mount of a part is better than none", "40 1 0:26 /kubepods/pod1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/sys/fs/cgroup"},
		{"lines that are cut are passed over", "40 1\n - cgroup2\n30 23 0:26 / /c rw - cgroup2 cgroup2 rw\n", "/c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := findCgroup2(strings.NewReader(tc.mountinfo))
			if err != nil || got != tc.want {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
	if _, err := findCgroup2(strings.NewReader(v1)); !errors.Is(err, ErrNoCgroup2) {
		t.Errorf("error %v, want %v", err, ErrNoCgroup2)
	}
}
