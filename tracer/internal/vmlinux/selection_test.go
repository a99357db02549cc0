package main

import (
	"errors"
	"strings"
	"testing"
)

func TestSelectFails(t *testing.T) {
	for name, c := range map[string]struct {
		list string
		want error
		text string
	}{
		"no such struct":     {"struct socket\n\tsk\n", ErrNotFound, "line 1: struct socket"},
		"no such typedef":    {"typedef pid_t\n", ErrNotFound, "pid_t"},
		"no such member":     {"struct sock\n\tsk_er\n", ErrNotFound, "member sk_er"},
		"no such enum":       {"enum tcp_state\n\tA\n", ErrNotFound, "enum tcp_state"},
		"no such enumerator": {"enum bpf_map_type\n\tBPF_MAP_TYPE_TREE\n", ErrNotFound, "BPF_MAP_TYPE_TREE"},
		"not in one enum":    {"enum\n\tBPF_ANY\n\tMINUS_ONE\n", ErrNotFound, "MINUS_ONE"},
		"held by value":      {"struct sock\n\tsk_lock\n", ErrNotListed, "member sk_lock: typedef socket_lock_t"},
		"held, no members":   {"struct sock\n\tsk_lock\ntypedef socket_lock_t\n", ErrNotListed, "member sk_lock"},
		"unnamed struct":     {"typedef socket_lock_t\n", ErrNotListed, "socket_lock_t"},
		"empty enum":         {"enum bpf_map_type\n", ErrNotListed, "enum bpf_map_type"},
		"packed":             {"fixed packed\n", ErrLayout, "member len at bit 8, in C at 32"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := ReadList(strings.NewReader(c.list))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Select(smallKernel(t), list)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
}
