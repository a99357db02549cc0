// Package selftest is a program for the virtual machines that shows whether they can do what tlstrace needs of them, with as
// little of tlstrace as possible: if it fails, the machine is at fault and not the tracer.
package selftest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

// The counter's value is a number of packets.
const counterKey = uint32(0)

func TestCgroupProgramCountsPackets(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to load BPF programs")
	}
	// Kernels before 5.11 account BPF memory to the locked memory of the process. Later ones do not, and some
	// containers may not raise the limit, so that only the load tells whether it mattered.
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Logf("remove the limit of locked memory: %v", err)
	}
	root := cgroupRoot(t)
	for name, attach := range map[string]ebpf.AttachType{
		"ingress": ebpf.AttachCGroupInetIngress,
		"egress":  ebpf.AttachCGroupInetEgress,
	} {
		t.Run(name, func(t *testing.T) {
			counter := newCounter(t)
			program := newProgram(t, counter, attach)
			l, err := link.AttachCgroup(link.CgroupOptions{Path: root, Attach: attach, Program: program})
			if err != nil {
				t.Fatalf("attach to %s: %v", root, err)
			}
			t.Cleanup(func() { l.Close() })

			before := count(t, counter)
			roundTrip(t)
			// Three packets to connect, the payload there and back, and at least one FIN.
			if got := count(t, counter) - before; got < 6 {
				t.Errorf("counted %d packets, want 6 or more", got)
			}
		})
	}
}

// newCounter makes an array of one number.
func newCounter(t *testing.T) *ebpf.Map {
	t.Helper()
	counter, err := ebpf.NewMap(&ebpf.MapSpec{Name: "packets", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatalf("make a map: %v", err)
	}
	t.Cleanup(func() { counter.Close() })
	return counter
}

// newProgram loads a cgroup_skb program that adds one to the counter and lets the packet pass.
func newProgram(t *testing.T, counter *ebpf.Map, attach ebpf.AttachType) *ebpf.Program {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "count", Type: ebpf.CGroupSKB, AttachType: attach, License: "GPL",
		Instructions: asm.Instructions{
			asm.StoreImm(asm.RFP, -4, int64(counterKey), asm.Word),
			asm.LoadMapPtr(asm.R1, counter.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "pass"),
			asm.Mov.Imm(asm.R1, 1),
			asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"),
			asm.Return(),
		},
	})
	if err != nil {
		t.Fatalf("load a cgroup_skb program: %v", err)
	}
	t.Cleanup(func() { program.Close() })
	return program
}

func count(t *testing.T, counter *ebpf.Map) uint64 {
	t.Helper()
	var n uint64
	if err := counter.Lookup(counterKey, &n); err != nil {
		t.Fatalf("read the counter: %v", err)
	}
	return n
}

// roundTrip opens a connection on loopback, sends a line, has it returned and closes.
func roundTrip(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	echoed := make(chan error, 1)
	go func() { echoed <- echo(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "ping")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "ping\n" {
		t.Fatalf("got %q back: %v", line, err)
	}
	conn.Close()
	if err := <-echoed; err != nil {
		t.Fatalf("echo: %v", err)
	}
}

func echo(listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	_, err = io.Copy(conn, conn)
	return errors.Join(err, conn.Close())
}

// cgroupRoot is where cgroup v2 is mounted: on a hybrid layout it is not /sys/fs/cgroup.
func cgroupRoot(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	t.Skip("cgroup v2 is not mounted")
	return ""
}
