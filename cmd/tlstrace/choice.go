package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

// choice is a flag value out of a closed set.
type choice struct {
	allowed []string
	value   string
}

var _ pflag.Value = (*choice)(nil)

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }

// Set refuses what is not in the set and names the nearest member.
func (c *choice) Set(s string) error {
	if err := session.OneOf(s, c.allowed); err != nil {
		return err
	}
	c.value = s
	return nil
}

// completeSet lets the shell complete a flag out of its closed set.
func completeSet(cmd *cobra.Command, flag string, allowed []string) {
	session.CompleteSet(cmd, flag, allowed)
}
