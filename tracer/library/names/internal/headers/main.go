// Command headers writes the tables by which package names spells the error numbers of TLS libraries.
//
// Each argument is FAMILY-VERSION.txt: lines of that library's headers, as extract.sh keeps them; whole headers will do as well.
// The versions of one family are given oldest first. A number that a later version gave another meaning to has that meaning;
// where an older one of a verify result differs, it is written to a table of the older version's own.
//
//	go run ./internal/headers -out tables.go internal/headers/openssl-1.1.1.txt ... internal/headers/boringssl-14.txt
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
)

func main() {
	out := flag.String("out", "tables.go", "file to write")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "headers:", err)
		os.Exit(1)
	}
}

func run(out string, inputs []string) error {
	if len(inputs) == 0 {
		return fmt.Errorf("no headers to read: give FAMILY-VERSION.txt files made by extract.sh")
	}
	var all []header
	for _, name := range inputs {
		h, err := open(name)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	tables, err := tablesOf(all)
	if err != nil {
		return err
	}
	var source bytes.Buffer
	write(&source, tables)
	text, err := format.Source(source.Bytes())
	if err != nil {
		return fmt.Errorf("formatting what was written: %w", err)
	}
	return os.WriteFile(out, text, 0o644)
}
