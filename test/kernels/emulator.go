package kernels

import "fmt"

// emulator is the qemu of an architecture, and how its machine is wired.
type emulator struct {
	command string
	machine []string
	// The guest's names of its serial ports: what the kernel says, what the job writes, what it leaves.
	console, output, result string
	// ports are the devices behind the second and the third; "" are those that the machine has anyway.
	ports string
}

func emulatorOf(arch string) (emulator, error) {
	switch arch {
	case "amd64":
		return emulator{
			command: "qemu-system-x86_64", machine: []string{"-cpu", "max"},
			console: "ttyS0", output: "ttyS1", result: "ttyS2",
		}, nil
	case "arm64":
		// The machine has one port; the others are PCI cards. Pointer authentication as specified is what the emulation would spend
		// most of its time on.
		return emulator{
			command: "qemu-system-aarch64", machine: []string{"-machine", "virt", "-cpu", "max,pauth-impdef=on"},
			console: "ttyAMA0", output: "ttyS0", result: "ttyS1", ports: "pci-serial",
		}, nil
	}
	return emulator{}, fmt.Errorf("%w: no emulator for %s", ErrUnavailable, arch)
}

// serials are the arguments that bind the ports: console and results to files, the job's output to qemu's standard output.
func (e emulator) serials(console, results string) []string {
	if e.ports == "" {
		return []string{"-serial", "file:" + console, "-serial", "stdio", "-serial", "file:" + results}
	}
	return []string{
		"-serial", "file:" + console,
		"-chardev", "stdio,id=output", "-device", e.ports + ",chardev=output",
		"-chardev", "file,id=result,path=" + results, "-device", e.ports + ",chardev=result",
	}
}
