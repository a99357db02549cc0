package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write returns the header for a list on the small kernel, from the include guard on and without the arm64 part.
func write(t *testing.T, list string) string {
	t.Helper()
	entries, err := ReadList(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	selection, err := Select(smallKernel(t), entries)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteHeader(&b, Provenance{}, selection); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(b.String(), "#define __VMLINUX_H__\n\n")
	before, after, ok := strings.Cut(text, arm64)
	if !ok {
		t.Fatal("the arm64 part is missing")
	}
	return before + after
}

const smallList = `
struct sock
	skc_num
	sk_err
	sk_lock
	sk_node
	sk_comm
typedef socket_lock_t
	owned
x86 struct kernfs_node
	id
context context
fixed flags
struct never_heard_of
enum bpf_map_type
	BPF_MAP_TYPE_ARRAY
enum
	BPF_NOEXIST
	BPF_ANY
enum minus
	*
`

const smallHeader = `struct kernfs_node;
struct never_heard_of;
struct sock;

enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
};

enum {
	BPF_NOEXIST = 1,
	BPF_ANY = 0,
};

enum minus {
	MINUS_ONE = -1,
};

typedef short unsigned int __u16;
typedef long long unsigned int __u64;
typedef __u64 u64;
typedef unsigned int __u32;

struct flags {
	__u16 port;
	__u16 doff: 4;
	__u16 rst: 1;
	__u16 rest: 11;
};
_Static_assert(sizeof(struct flags) == 4, "struct flags");


#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	union {
		struct {
			__u16 skc_num;
		};
	};
	int sk_err;
	socket_lock_t sk_lock;
	const struct kernfs_node *sk_node;
	char sk_comm[16];
};

#if defined(__TARGET_ARCH_x86)
struct kernfs_node {
	u64 id;
};
#endif

struct context {
	__u32 len;
	union {
		struct sock *sk;
	};
};
_Static_assert(sizeof(struct context) == 16, "struct context");

#pragma clang attribute pop

#endif /* __VMLINUX_H__ */
`

func TestWriteHeader(t *testing.T) {
	if diff := cmp.Diff(smallHeader, write(t, smallList)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteHeaderIsTheSameEveryTime(t *testing.T) {
	for range 5 {
		if got := write(t, smallList); got != smallHeader {
			t.Fatal("the header changes from run to run")
		}
	}
}
