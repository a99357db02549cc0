package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// connections is how many wrk keeps busy.
const connections = 16

// loaded is what wrk says of a load.
type loaded struct {
	requests int
	took     time.Duration
	p99      time.Duration
}

// wrk puts a load on a port: as many requests as are answered.
func wrk(ctx context.Context, g *group, cpu string, port int, closes bool, window time.Duration) (loaded, error) {
	argv := placed(cpu, "wrk", "-t", "1", "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%ds", int(window.Seconds())),
		"--timeout", "10s", "--latency")
	if closes {
		argv = append(argv, "-H", "Connection: close")
	}
	argv = append(argv, fmt.Sprintf("https://127.0.0.1:%d/", port))
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	said := &tail{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := g.start(cmd); err != nil {
		return loaded{}, fmt.Errorf("start wrk: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return loaded{}, fmt.Errorf("wrk: %w: %s", errors.Join(err, ctx.Err()), said)
	}
	return parseWrk(said.String())
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in ([0-9.]+m?s)`)
	wrkLatency  = regexp.MustCompile(`99% +([0-9.]+(?:us|ms|s|m))`)
	wrkTrouble  = regexp.MustCompile(`Socket errors: [^/]*|Non-2xx or 3xx responses: \d+`)
)

// parseWrk reads what wrk prints. A load with errors measures something else.
func parseWrk(said string) (l loaded, err error) {
	if trouble := wrkTrouble.FindString(said); trouble != "" {
		return l, fmt.Errorf("wrk: %s", trouble)
	}
	done, latency := wrkRequests.FindStringSubmatch(said), wrkLatency.FindStringSubmatch(said)
	if done == nil || latency == nil {
		return l, fmt.Errorf("wrk told no figures: %s", said)
	}
	var errs [3]error
	l.requests, errs[0] = strconv.Atoi(done[1])
	l.took, errs[1] = time.ParseDuration(done[2])
	l.p99, errs[2] = time.ParseDuration(latency[1])
	if l.requests == 0 {
		return l, errors.New("wrk: no request was answered: the machine is too busy to measure anything")
	}
	return l, errors.Join(errs[:]...)
}
