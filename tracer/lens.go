package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// fileIDKernfs is the type of a file handle that is a kernfs node's id: for cgroup v2, the id of the cgroup (Linux 5.5, commit
// 33c5ac9175195).
const fileIDKernfs = 0xfe

// lens looks at the bytes of one cgroup at a time: it attaches the programs of the wire to it.
type lens struct {
	mount            *os.File // any directory of the hierarchy
	ingress, egress  *ebpf.Program
	inDepth          *ebpf.Map
	inflight, hellos *ebpf.Map
}

// focused is a cgroup that is looked at.
type focused struct {
	cgroup uint64
	path   string
	links  []link.Link
}

// errGone says that a cgroup is no more.
var errGone = errors.New("the cgroup is gone")

func newLens(cgroup string, c *ebpf.Collection) (*lens, error) {
	mount, err := os.Open(cgroup)
	if err != nil {
		return nil, err
	}
	l := &lens{
		mount: mount, ingress: c.Programs[bpfProgPacketReceived], egress: c.Programs[bpfProgPacketSent],
		inDepth: c.Maps[bpfMapInDepth], inflight: c.Maps[bpfMapInflight], hellos: c.Maps[bpfMapHellos],
	}
	id, err := cgroupID(cgroup)
	if err == nil {
		var dir *os.File
		if dir, err = l.open(id); err == nil {
			return l, dir.Close()
		}
	}
	_ = mount.Close()
	return nil, fmt.Errorf("%w: adaptive capture finds cgroups by their ids, for which it needs CAP_DAC_READ_SEARCH: %w", ErrPermission, err)
}

// cgroupID returns the id of a cgroup v2 directory: its inode.
func cgroupID(path string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return 0, err
	}
	return s.Ino, nil
}

// open opens the directory of a cgroup, wherever it is in the hierarchy.
func (l *lens) open(cgroup uint64) (*os.File, error) {
	handle := unix.NewFileHandle(fileIDKernfs, binary.NativeEndian.AppendUint64(nil, cgroup))
	fd, err := unix.OpenByHandleAt(int(l.mount.Fd()), handle, unix.O_RDONLY|unix.O_CLOEXEC)
	switch {
	case errors.Is(err, unix.ESTALE):
		return nil, errGone
	case err != nil:
		return nil, fmt.Errorf("open cgroup %d: %w", cgroup, err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("cgroup %d", cgroup)), nil
}

// focus attaches to a cgroup; connections that it makes from now on are looked at.
func (l *lens) focus(cgroup uint64) (*focused, error) {
	dir, err := l.open(cgroup)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	reach := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	v := &focused{cgroup: cgroup}
	if v.path, err = os.Readlink(reach); err != nil {
		return nil, err
	}
	for at, program := range map[ebpf.AttachType]*ebpf.Program{
		ebpf.AttachCGroupInetEgress: l.egress, ebpf.AttachCGroupInetIngress: l.ingress,
	} {
		to, err := link.AttachCgroup(link.CgroupOptions{Path: reach, Attach: at, Program: program})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("attach to %s: %w", v.path, refusal(err)), v.close())
		}
		v.links = append(v.links, to)
	}
	if err := l.admit(cgroup); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

// admit lets new connections of a cgroup be looked at.
func (l *lens) admit(cgroup uint64) error { return l.inDepth.Put(cgroup, uint8(1)) }

// avert lets them be looked at no more; those whose handshakes are under way still are.
func (l *lens) avert(cgroup uint64) error { return ignoreMissing(l.inDepth.Delete(cgroup)) }

// release detaches from a cgroup, and forgets the connections that wait for a handshake there: nobody would see it. It returns how
// many. They stay counted in flights (bpf/flight.h), since only the kernel side can count down while others count up.
func (l *lens) release(v *focused) (int, error) {
	err := v.close()
	forgotten := 0
	var cookie uint64
	var h bpfHandshake
	entries := l.inflight.Iterate()
	for entries.Next(&cookie, &h) {
		if h.Cgroup != v.cgroup || h.has(bpfHandshakeFlagHS_LIGHT) || !h.has(bpfHandshakeFlagHS_ESTABLISHED) {
			continue
		}
		if l.inflight.Delete(cookie) == nil {
			_ = l.hellos.Delete(cookie)
			forgotten++
		}
	}
	return forgotten, err
}

func (v *focused) close() error {
	var errs []error
	for _, l := range v.links {
		errs = append(errs, l.Close())
	}
	v.links = nil
	return errors.Join(errs...)
}

func (l *lens) close() error { return l.mount.Close() }

func ignoreMissing(err error) error {
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	return err
}
