package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/sink"
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
	if err := oneOf(s, c.allowed); err != nil {
		return err
	}
	c.value = s
	return nil
}

// choices is a flag that may be repeated or hold a comma-separated list, each item out of a closed set.
type choices struct {
	kind    string
	allowed []string
	values  []string
}

var _ pflag.SliceValue = (*choices)(nil)

func (c *choices) String() string     { return strings.Join(c.values, ",") }
func (c *choices) Type() string       { return c.kind }
func (c *choices) GetSlice() []string { return c.values }

// Set adds the items of a comma-separated list.
func (c *choices) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if err := c.Append(strings.TrimSpace(item)); err != nil {
			return err
		}
	}
	return nil
}

// Append adds one item.
func (c *choices) Append(s string) error {
	if err := oneOf(s, c.allowed); err != nil {
		return err
	}
	c.values = append(c.values, s)
	return nil
}

// Replace sets all items.
func (c *choices) Replace(items []string) error {
	c.values = nil
	for _, item := range items {
		if err := c.Append(item); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(s string, allowed []string) error {
	if slices.Contains(allowed, s) {
		return nil
	}
	if near := sink.Nearest(s, allowed); near != "" {
		return fmt.Errorf("%q is not known; did you mean %q?", s, near)
	}
	if len(allowed) > fewChoices {
		return fmt.Errorf("%q is not known; --help lists all %d", s, len(allowed))
	}
	return fmt.Errorf("%q is not known; one of %s", s, strings.Join(allowed, ", "))
}

// fewChoices is how many are listed in one line of an error.
const fewChoices = 10

// completeSet lets the shell complete a flag out of its closed set.
func completeSet(cmd *cobra.Command, flag string, allowed []string) {
	complete(cmd, flag, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

// completeList is [completeSet] for a flag that takes several with commas: the last of them is completed.
func completeList(cmd *cobra.Command, flag string, allowed []string) {
	complete(cmd, flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		all := make([]string, len(allowed))
		for i, a := range allowed {
			all[i] = done + a
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	})
}

func complete(cmd *cobra.Command, flag string, how cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, how); err != nil {
		panic(err) // the flag does not exist, or was registered twice: a mistake in this program
	}
}

// spelled turns a closed set of some string type into strings.
func spelled[S ~string](set []S) []string {
	out := make([]string, len(set))
	for i, s := range set {
		out[i] = string(s)
	}
	return out
}
