// Package session holds what tlstrace and kubectl tlstrace do alike with a stream of events: the flags that choose among them, the screen
// that they are shown on, the one that is explained, and how a wrong flag is told.
package session

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/sink"
)

// Choice is a flag value out of a closed set.
type Choice struct {
	Allowed []string
	Value   string // the default before the flag is set
}

var _ pflag.Value = (*Choice)(nil)

// String returns the value.
func (c *Choice) String() string { return c.Value }

// Type lists the set for help.
func (c *Choice) Type() string { return strings.Join(c.Allowed, "|") }

// Set refuses what is not in the set and names the nearest member.
func (c *Choice) Set(s string) error {
	if err := OneOf(s, c.Allowed); err != nil {
		return err
	}
	c.Value = s
	return nil
}

// Choices is a flag that may be repeated or hold a comma-separated list, each item out of a closed set.
type Choices struct {
	Kind    string // what help calls a value
	Allowed []string
	Values  []string
}

var _ pflag.SliceValue = (*Choices)(nil)

// String returns the values with commas.
func (c *Choices) String() string { return strings.Join(c.Values, ",") }

// Type says what help calls a value.
func (c *Choices) Type() string { return c.Kind }

// GetSlice returns the values.
func (c *Choices) GetSlice() []string { return c.Values }

// Set adds the items of a comma-separated list.
func (c *Choices) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if err := c.Append(strings.TrimSpace(item)); err != nil {
			return err
		}
	}
	return nil
}

// Append adds one item.
func (c *Choices) Append(s string) error {
	if err := OneOf(s, c.Allowed); err != nil {
		return err
	}
	c.Values = append(c.Values, s)
	return nil
}

// Replace sets all items.
func (c *Choices) Replace(items []string) error {
	c.Values = nil
	for _, item := range items {
		if err := c.Append(item); err != nil {
			return err
		}
	}
	return nil
}

// OneOf refuses what is not in a set, and names the nearest member.
func OneOf(s string, allowed []string) error {
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

// CompleteSet lets the shell complete a flag out of its closed set.
func CompleteSet(cmd *cobra.Command, flag string, allowed []string) {
	Complete(cmd, flag, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

// CompleteList is [CompleteSet] for a flag that takes several with commas: the last of them is completed.
func CompleteList(cmd *cobra.Command, flag string, allowed []string) {
	Complete(cmd, flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		all := make([]string, len(allowed))
		for i, a := range allowed {
			all[i] = done + a
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	})
}

// Complete lets the shell complete a flag. A flag that does not exist is a mistake in the program, and panics.
func Complete(cmd *cobra.Command, flag string, how cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, how); err != nil {
		panic(err) // the flag does not exist, or was registered twice: a mistake in this program
	}
}

// Spelled turns a closed set of some string type into strings.
func Spelled[S ~string](set []S) []string {
	out := make([]string, len(set))
	for i, s := range set {
		out[i] = string(s)
	}
	return out
}
