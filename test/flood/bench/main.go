// Command bench measures what the healthy connections of other programs notice of a flood of failures that is traced: `make
// bench-flood`. It compares their latency beside the same flood with and without an agent, in turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/tlstrace/tlstrace/test/flood"
)

type options struct {
	binary string
	pairs  int
	each   time.Duration
	rate   int
}

func main() {
	if role := os.Getenv(peerRole); role != "" {
		exit(play(role, os.Args[1:]))
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/tlstrace", "the tlstrace whose agent traces")
	flag.IntVar(&o.pairs, "pairs", 10, "how often is measured with and without it")
	flag.DurationVar(&o.each, "each", 3*time.Second, "how long each time")
	flag.IntVar(&o.rate, "rate", 1000, "failures a second, so that both floods are the same; 0 is as many as possible")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Geteuid() != 0 {
		exit(errors.New("it traces and makes a cgroup: run it as root (make bench-flood uses sudo)"))
	}
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// peerRole is the variable that makes this program a part of the flood:
//
//	refuse              listens, and refuses each handshake; says "ready ADDRESS"
//	fail ADDRESS RATE   makes handshakes fail until it is ended
const peerRole = "TLSTRACE_FLOOD_BENCH_PEER"

func play(role string, args []string) error {
	if role == "refuse" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println("ready", l.Addr())
		return flood.Refuse(l, 0)
	}
	if len(args) != 2 {
		return fmt.Errorf("role %s: %d arguments", role, len(args))
	}
	rate, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	c := flood.Clients{Server: args[0], Workers: 16, Rate: rate, From: []string{"127.78.1.1", "127.78.1.2", "127.78.1.3", "127.78.1.4"}}
	return c.Fail(context.Background(), 1<<40)
}
