package lane

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Socket is a blocking TCP socket. Go's own are driven by its poller, whose time would be measured, too.
// It implements [net.Conn] for crypto/tls; deadlines are replaced by socketTimeout.
type Socket int

// socketTimeout ends a read that waits for what will not come.
const socketTimeout = 10

// NewSocket makes a socket in the cgroup in which the process is.
func NewSocket() (Socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	s := Socket(fd)
	return s, errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: socketTimeout}),
	)
}

// NewListener makes a socket that listens on a free port of 127.0.0.1.
func NewListener() (Socket, error) {
	s, err := NewSocket()
	if err != nil {
		return 0, err
	}
	if err := unix.Bind(int(s), &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, errors.Join(os.NewSyscallError("bind", err), s.Close())
	}
	if err := unix.Listen(int(s), 128); err != nil {
		return 0, errors.Join(os.NewSyscallError("listen", err), s.Close())
	}
	return s, nil
}

// Connect connects s to a listener and returns the listener's end. Over loopback TCP's handshake is over when connect returns.
func (s Socket) Connect(listener Socket) (Socket, error) {
	to, err := unix.Getsockname(int(listener))
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if err := unix.Connect(int(s), to); err != nil {
		return 0, os.NewSyscallError("connect", err)
	}
	fd, _, err := unix.Accept4(int(listener), unix.SOCK_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("accept", err)
	}
	return Socket(fd), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// Read reads.
func (s Socket) Read(b []byte) (int, error) {
	n, err := unix.Read(int(s), b)
	if n < 0 {
		n = 0
	}
	if err == nil && n == 0 && len(b) > 0 {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write writes all of b.
func (s Socket) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Write(int(s), b[done:])
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// ReadFull reads n bytes into the head of b, which may be shorter.
func (s Socket) ReadFull(b []byte, n int) error {
	for n > 0 {
		got, err := s.Read(b[:min(n, len(b))])
		if err != nil {
			return fmt.Errorf("%d bytes are missing: %w", n, err)
		}
		n -= got
	}
	return nil
}

// Close closes.
func (s Socket) Close() error { return unix.Close(int(s)) }

// LocalAddr is not known: nobody here asks.
func (s Socket) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is not known, either.
func (s Socket) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline does nothing.
func (s Socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (s Socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (s Socket) SetWriteDeadline(time.Time) error { return nil }
