// Traffic makes TLS connections on loopback that fail in known ways, and some that do not, to see what a tracer says of them.
// It is static and brings its own certificates, so that it runs in any guest.
//
//	traffic list                                  the scenarios
//	traffic [flags] run SCENARIO... | all         both ends of each, one after the other
//	traffic pki DIRECTORY                         the certificates as PEM files, for other programs
//
// Each connection made by run is told as one line of JSON, see [report].
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	if err := command(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "traffic:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: traffic [-tls 1.2,1.3] [-addr 127.0.0.1] [-port N] list | run SCENARIO... | pki DIRECTORY")

func command(arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("traffic", flag.ContinueOnError)
	versions := flags.String("tls", "1.2,1.3", "versions of TLS to run scenarios with")
	addr := flags.String("addr", "127.0.0.1", "address to listen on")
	port := flags.Int("port", 0, "port of the first scenario, the next has the next; 0 takes any free ones")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errUsage
	}
	switch verb, rest := flags.Arg(0), flags.Args()[1:]; {
	case verb == "list" && len(rest) == 0:
		return list(out)
	case verb == "pki" && len(rest) == 1:
		return writePKI(rest[0])
	case verb == "run" && len(rest) > 0:
		return run(runner{addr: *addr, port: *port, out: json.NewEncoder(out)}, strings.Split(*versions, ","), rest)
	}
	return errUsage
}

func list(out io.Writer) error {
	for _, s := range scenarios() {
		if _, err := fmt.Fprintln(out, s.name); err != nil {
			return err
		}
	}
	return nil
}

func writePKI(dir string) error {
	p, err := newPKI(time.Now())
	if err != nil {
		return err
	}
	return p.write(dir)
}

func run(r runner, versions, names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if r.pki, err = newPKI(time.Now()); err != nil {
		return err
	}
	for _, s := range chosen {
		if err := r.run(s, versions); err != nil {
			return err
		}
	}
	return nil
}
