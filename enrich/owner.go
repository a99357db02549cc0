package enrich

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ownersFor       = 10 * time.Second // how long a look at one network namespace is good for
	missedFor       = 1 * time.Second  // how long it is good for when it lacks what is asked for
	maxNamespaces   = 256              // looks that are kept
	maxProcesses    = 65536            // processes looked at in one search
	maxDescriptors  = 65536            // descriptors looked at in one process
	maxSocketsBytes = 8 << 20          // bytes read of one /proc/PID/net/tcp: 150 a socket
)

// ErrNoOwner says that no process listens there, or none that can be seen.
var ErrNoOwner = errors.New("no listening process")

// Owner returns the process that listens on a port in the network namespace of that inode number. Of several that
// share the socket, as the workers of a server do, it is the one with the lowest number. An answer may be up to
// ten seconds old; that nobody listens, one second.
func (p *Processes) Owner(netns uint32, addr netip.Addr, port uint16) (int, error) {
	return p.owners.find(netns, netip.AddrPortFrom(addr.Unmap(), port))
}

// owners remembers who listens, one look per network namespace.
type owners struct {
	root  string
	now   func() time.Time
	mu    sync.Mutex
	looks map[uint32]look
}

// look is who listened in one network namespace at a time.
type look struct {
	at      time.Time
	sockets map[netip.AddrPort]uint64 // listening address -> inode of the socket
	pids    map[uint64]int            // inode -> process
}

func newOwners(root string, now func() time.Time) *owners {
	return &owners{root: root, now: now, looks: map[uint32]look{}}
}

func (o *owners) find(netns uint32, at netip.AddrPort) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, ok := o.looks[netns]
	age := o.now().Sub(seen.at)
	pid := seen.owner(at)
	if !ok || age > ownersFor || (pid == 0 && age > missedFor) {
		seen = o.look(netns)
		o.keep(netns, seen)
		pid = seen.owner(at)
	}
	if pid == 0 {
		return 0, fmt.Errorf("%s: %w", at, ErrNoOwner)
	}
	return pid, nil
}

// owner returns the process that gets the connections to an address, or 0.
func (l look) owner(at netip.AddrPort) int {
	for _, candidate := range listeningOn(at) {
		if pid := l.pids[l.sockets[candidate]]; pid != 0 {
			return pid
		}
	}
	return 0
}

// listeningOn lists the addresses that a socket may be bound to if it gets connections to this one, closest first.
func listeningOn(at netip.AddrPort) []netip.AddrPort {
	return []netip.AddrPort{
		at,
		netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()),
		netip.AddrPortFrom(netip.IPv6Unspecified(), at.Port()),
	}
}

// keep stores a look; when there are too many, all go, which costs one search each and needs no bookkeeping.
func (o *owners) keep(netns uint32, l look) {
	if len(o.looks) >= maxNamespaces {
		clear(o.looks)
	}
	o.looks[netns] = l
}

// look searches procfs for the listeners of one network namespace.
func (o *owners) look(netns uint32) look {
	found := look{at: o.now(), sockets: map[netip.AddrPort]uint64{}, pids: map[uint64]int{}}
	members := o.members(netns)
	for _, pid := range members {
		if o.listeners(pid, found.sockets) {
			break // one member's view is everybody's
		}
	}
	wanted := map[uint64]bool{}
	for _, inode := range found.sockets {
		wanted[inode] = true
	}
	for _, pid := range members {
		if len(found.pids) == len(wanted) {
			break
		}
		o.claim(pid, wanted, found.pids)
	}
	return found
}

// members lists the processes of a network namespace, lowest number first.
func (o *owners) members(netns uint32) []int {
	entries, err := os.ReadDir(o.root)
	if err != nil {
		return nil
	}
	want := fmt.Sprintf("net:[%d]", netns)
	var pids []int
	for _, entry := range entries[:min(len(entries), maxProcesses)] {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if link, err := os.Readlink(o.path(pid, "ns/net")); err == nil && link == want {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// listeners reads the listening sockets that a process sees; false if it is gone.
func (o *owners) listeners(pid int, into map[netip.AddrPort]uint64) bool {
	ok := false
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		table, err := readBounded(o.path(pid, name), maxSocketsBytes)
		if err != nil {
			continue
		}
		ok = true
		for line := range strings.Lines(table) {
			if at, inode, listening := parseSocket(line); listening {
				into[at] = inode
			}
		}
	}
	return ok
}

// claim notes the wanted sockets that a process has open and that no lower process had.
func (o *owners) claim(pid int, wanted map[uint64]bool, pids map[uint64]int) {
	dir, err := os.Open(o.path(pid, "fd"))
	if err != nil {
		return
	}
	defer dir.Close()
	descriptors, err := dir.ReadDir(maxDescriptors)
	if err != nil {
		return
	}
	for _, d := range descriptors {
		inode, ok := socketInode(dir.Name(), d)
		if !ok || !wanted[inode] {
			continue
		}
		if _, taken := pids[inode]; !taken {
			pids[inode] = pid
		}
	}
}

func (o *owners) path(pid int, name string) string {
	return filepath.Join(o.root, strconv.Itoa(pid), name)
}

// socketInode reads the number out of a descriptor's link, as in "socket:[4711]".
func socketInode(dir string, d fs.DirEntry) (uint64, bool) {
	link, err := os.Readlink(filepath.Join(dir, d.Name()))
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(link, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}

// parseSocket reads one line of /proc/net/tcp or tcp6 (proc_pid_net(5)); listening is false for anything else
// than a socket in the state LISTEN.
func parseSocket(line string) (at netip.AddrPort, inode uint64, listening bool) {
	const stateListen = "0A"
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != stateListen {
		return at, 0, false
	}
	at, err := parseAddress(fields[1])
	if err != nil {
		return at, 0, false
	}
	inode, err = strconv.ParseUint(fields[9], 10, 64)
	return at, inode, err == nil
}
