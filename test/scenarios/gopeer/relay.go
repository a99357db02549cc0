package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// relay is the wire between two network namespaces that live as long as it does: a TUN device in each, and this process
// between them. It prints where the two namespaces are found. Its policy is applied to the segments with payload from
// the side that the policy names: "swap-client" sends each second segment before its predecessor, "late-client" two of
// them, "dup-server" sends each twice, "drop-client" loses the first copy of each second one, "none" changes nothing.
func relay(s *settings) error {
	client, err := openSide()
	if err != nil {
		return err
	}
	server, err := openSide()
	if err != nil {
		return err
	}
	fmt.Printf("relaying %s %s\n", client.netns, server.netns)
	errs := make(chan error, 2)
	go func() { errs <- forward(client.tun, server.tun, policyFor(s.policy, "client")) }()
	go func() { errs <- forward(server.tun, client.tun, policyFor(s.policy, "server")) }()
	return <-errs
}

// side is a network namespace with the TUN device "lab" in it.
type side struct {
	netns string // its file in /proc
	tun   *os.File
	err   error
}

// openSide makes a namespace that belongs to a thread which never ends.
func openSide() (side, error) {
	made := make(chan side)
	go func() {
		runtime.LockOSThread()
		tun, err := openTUN()
		made <- side{fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid()), tun, err}
		select {}
	}()
	s := <-made
	return s, s.err
}

// openTUN leaves the namespace of the calling thread for a new one and makes the device there.
func openTUN() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the TUN device: %w", err)
	}
	req, err := unix.NewIfreq("lab")
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, fmt.Errorf("make the TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

// forward passes packets on as the policy says.
func forward(from, to *os.File, p policy) error {
	packets := make(chan []byte)
	failed := make(chan error, 1)
	go func() {
		for {
			buf := make([]byte, 2048)
			n, err := from.Read(buf)
			if err != nil {
				failed <- err
				return
			}
			packets <- buf[:n]
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var out [][]byte
		select {
		case err := <-failed:
			return err
		case packet := <-packets:
			out = p.pass(packet)
		case <-tick.C:
			out = p.flush()
		}
		for _, packet := range out {
			if _, err := to.Write(packet); err != nil {
				return err
			}
		}
	}
}

// payloadLen returns the sequence number and the number of payload bytes of a TCP/IPv4 packet; 0 if it is another.
func payloadLen(p []byte) (seq uint32, n int) {
	if len(p) < 40 || p[0]>>4 != 4 || p[9] != unix.IPPROTO_TCP {
		return 0, 0
	}
	ip := int(p[0]&15) * 4
	if len(p) < ip+20 {
		return 0, 0
	}
	tcp := p[ip:]
	total := int(binary.BigEndian.Uint16(p[2:]))
	return binary.BigEndian.Uint32(tcp[4:]), total - ip - int(tcp[12]>>4)*4
}
