package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)*`)

// versions tells which programs were measured, and with which.
func versions(ctx context.Context, binary string) string {
	tlstrace := "unknown"
	if out, err := exec.CommandContext(ctx, binary, "version").Output(); err == nil {
		if words := strings.Fields(string(out)); len(words) > 1 {
			tlstrace = words[1]
		}
	}
	all := []string{"tlstrace " + tlstrace}
	for _, argv := range [][]string{{"nginx", "-v"}, {"haproxy", "-v"}, {"openssl", "version"}, {"wrk", "-v"}, {"tcpdump", "--version"}, {"tshark", "--version"}, {"bpftrace", "--version"}, {"python3", "--version"}} {
		out, _ := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput() // wrk fails when asked
		all = append(all, fmt.Sprintf("%s %s", argv[0], versionIn(string(out))))
	}
	return strings.Join(all, ", ")
}

// versionIn is the first number with a dot that a program prints.
func versionIn(said string) string {
	if v := versionNumber.FindString(said); v != "" {
		return v
	}
	return "of unknown version"
}
