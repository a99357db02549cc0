package main

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/arch/x86/x86asm"
)

// probed is what is probed.
//
//go:noinline
func probed(n int) int { return n + 1 }

const probedCalls = 2000

// timeCalls times calls of it.
//
//go:noinline
func timeCalls() time.Duration {
	begun := time.Now()
	n := 0
	for range probedCalls {
		n = probed(n)
	}
	if n != probedCalls {
		return 0
	}
	return time.Since(begun)
}

// probes times calls of a function without and with a probe that does nothing: at its entry, and at the call.
func (c *costs) probes() (err error) {
	nothing, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: ebpf.Kprobe, License: "Dual BSD/GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return fmt.Errorf("load an empty probe: %w", err)
	}
	defer func() { err = errors.Join(err, nothing.Close()) }()
	at, err := callOf("main.timeCalls", "main.probed")
	if err != nil {
		return err
	}
	hit, err := probeCost(nothing, "main.probed", 0)
	if err != nil {
		return err
	}
	call, err := probeCost(nothing, "main.timeCalls", at)
	c.hit, c.call = append(c.hit, hit), append(c.call, call)
	return err
}

func probeCost(program *ebpf.Program, symbol string, offset uint64) (ns float64, err error) {
	self, err := link.OpenExecutable("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	without := timeCalls()
	probe, err := self.Uprobe(symbol, program, &link.UprobeOptions{Offset: offset})
	if err != nil {
		return 0, fmt.Errorf("attach an empty probe: %w", err)
	}
	with := timeCalls()
	return float64(with-without) / probedCalls, probe.Close()
}

// callOf returns how far into a function of this program it calls another one.
func callOf(caller, called string) (uint64, error) {
	self, err := elf.Open("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	defer func() { _ = self.Close() }()
	symbols, err := self.Symbols()
	if err != nil {
		return 0, fmt.Errorf("read the symbols of this program: %w", err)
	}
	var from, to elf.Symbol
	for _, s := range symbols {
		switch s.Name {
		case caller:
			from = s
		case called:
			to = s
		}
	}
	code := make([]byte, from.Size)
	text := self.Section(".text")
	if text == nil || from.Value < text.Addr {
		return 0, errNoCall
	}
	if _, err := text.ReadAt(code, int64(from.Value-text.Addr)); err != nil {
		return 0, fmt.Errorf("read the code of %s: %w", caller, err)
	}
	return findCall(self.Machine, code, to.Value-from.Value)
}

var errNoCall = errors.New("the call that is to be probed was not found in this program")

// findCall returns how far into the code there is a direct call of what is at an offset from its beginning.
func findCall(machine elf.Machine, code []byte, to uint64) (uint64, error) {
	for at := uint64(0); at < uint64(len(code)); {
		target, length := callAMD64(code[at:])
		if machine == elf.EM_AARCH64 {
			target, length = callARM64(code[at:])
		}
		if length == 0 {
			break
		}
		if target != 0 && at+target == to {
			return at, nil
		}
		at += length
	}
	return 0, errNoCall
}

// callAMD64 returns the length of the first instruction, 0 if it is not known, and how far a direct call goes from it.
func callAMD64(code []byte) (target, length uint64) {
	in, err := x86asm.Decode(code, 64)
	if err != nil {
		return 0, 0
	}
	if to, ok := in.Args[0].(x86asm.Rel); ok && in.Op == x86asm.CALL {
		target = uint64(int64(in.Len) + int64(to)) //nolint:gosec // it may be negative, and is added
	}
	return target, uint64(in.Len) //nolint:gosec // not negative
}

func callARM64(code []byte) (target, length uint64) {
	if len(code) < 4 {
		return 0, 0
	}
	word := binary.LittleEndian.Uint32(code)
	if word>>26 == 0x25 { // BL imm26
		target = uint64(int64(int32(word<<6)) >> 4) //nolint:gosec // it may be negative, and is added
	}
	return target, 4
}
