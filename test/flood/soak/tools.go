package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const nginxConf = `
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%d ssl;
		ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_certificate %s; ssl_certificate_key %s;
		location / { return 200 "ok\n"; }
	}
}
`

// startNginx returns the address of an nginx with OpenSSL.
func (w *world) startNginx() (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	conf := filepath.Join(w.dir, "nginx.conf")
	text := fmt.Appendf(nil, nginxConf, port, filepath.Join(w.dir, certFile), filepath.Join(w.dir, keyFile))
	if err := os.WriteFile(conf, text, 0o600); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := command(ctx, w.cgroup, "nginx", "-p", w.dir, "-c", conf, "-e", "stderr")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() error {
		cancel()
		_ = cmd.Wait() // it was told to end
		return nil
	}
	address = l.Addr().String()
	return address, stop, w.listens(address)
}

// listens waits until a server does: without a byte to it, from outside the cgroup that is traced.
func (*world) listens(address string) error {
	var err error
	for range 600 {
		var c net.Conn
		if c, err = net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// timedConnections is what s_time tells at its end, as "1234 connections in 31 real seconds, 0 bytes read per connection".
var timedConnections = regexp.MustCompile(`(\d+) connections in \d+ real seconds`)

// timed is a lane of `openssl s_time`, a new connection after the other, to nginx.
func (w *world) timed(version, address string) *lane {
	return &lane{name: "openssl s_time to nginx, " + version, run: func(ctx context.Context, l *lane) error {
		for ctx.Err() == nil {
			// It has to end by itself: a handshake that a signal cuts off has failed.
			cmd := command(context.WithoutCancel(ctx), w.cgroup, "openssl", "s_time", "-connect", address, "-new", "-time", "20",
				"-www", "/", "-CAfile", filepath.Join(w.dir, certFile), "-"+version)
			out, err := cmd.CombinedOutput()
			m := timedConnections.FindSubmatch(out)
			if err != nil || m == nil {
				return fmt.Errorf("s_time: %w: %s", err, out)
			}
			n, _ := strconv.ParseUint(string(m[1]), 10, 64)
			l.count.Add(n)
		}
		return nil
	}}
}

// curls is a lane of a process for each handshake.
func (w *world) curls(address string, every time.Duration) *lane {
	return &lane{name: "curl to nginx, a process each", run: func(ctx context.Context, l *lane) error {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		for tick := time.NewTicker(every); ; {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			cmd := command(context.WithoutCancel(ctx), w.cgroup, "curl", "-sS", "--cacert", filepath.Join(w.dir, certFile),
				"--resolve", "localhost:"+port+":127.0.0.1", "https://localhost:"+port+"/")
			if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("ok")) {
				return fmt.Errorf("curl: %w: %s", err, out)
			}
			l.count.Add(1)
		}
	}}
}

// lookFor says which programs are missing.
func lookFor(programs ...string) error {
	var errs []error
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			errs = append(errs, fmt.Errorf("%w; test/setup installs it", err))
		}
	}
	return errors.Join(errs...)
}
