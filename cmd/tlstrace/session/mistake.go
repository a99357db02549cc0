package session

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/tlstrace/tlstrace/sink"
)

// FlagError says which flag was wrong, and names the nearest one for a flag that does not exist.
func FlagError(flags *pflag.FlagSet, path string, err error) error {
	hint := fmt.Sprintf("see '%s --help'", path)
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, Plainly(invalid.Unwrap(), invalid.GetFlag(), invalid.GetValue()))
	case !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("%w; %s", err, hint)
	}
	if near := sink.Nearest(unknown.GetSpecifiedName(), FlagNames(flags)); near != "" {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", unknown.GetSpecifiedName(), near)
	}
	return fmt.Errorf("unknown flag --%s; %s", unknown.GetSpecifiedName(), hint)
}

// Plainly says what is wrong with a value where Go's own words would be about a function of Go.
func Plainly(err error, f *pflag.Flag, value string) error {
	var number *strconv.NumError
	switch {
	case errors.As(err, &number) && errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%q is out of range", number.Num)
	case errors.As(err, &number) && f.Value.Type() == "bool":
		return fmt.Errorf("%q is neither true nor false", number.Num)
	case errors.As(err, &number):
		return fmt.Errorf("%q is not a valid number", number.Num)
	case f.Value.Type() == "duration":
		return fmt.Errorf("%q is no duration, such as 90s or 10m", value)
	}
	return err
}

// FlagNames lists the flags that are not hidden.
func FlagNames(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}
