package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/tlstrace/tlstrace/sink"
)

// notSettings are flags that belong to one command line only.
var notSettings = map[string]bool{"help": true, "config": true}

// configure fills every flag that was not given on the command line: from the environment, else from the file of
// --config, else its default stays. A value is checked by the flag itself, whichever way it came.
func configure(cmd *cobra.Command) error {
	file, err := readConfig(cmd)
	if err != nil {
		return err
	}
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if first == nil && !f.Changed && !notSettings[f.Name] {
			first = fill(f, file)
		}
	})
	return first
}

// readConfig reads the file of --config or TLSTRACE_CONFIG; without one it returns an empty configuration.
func readConfig(cmd *cobra.Command) (*viper.Viper, error) {
	file := viper.New()
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = os.Getenv(variable("config"))
	}
	if path == "" {
		return file, nil
	}
	file.SetConfigFile(path)
	file.SetConfigType("yaml")
	if err := file.ReadInConfig(); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return file, checkKeys(path, file, cmd.Root())
}

// checkKeys refuses a key that is the name of no flag of any command, so that a typo is never silently ignored.
// A key of another command is fine: one file may serve all.
func checkKeys(path string, file *viper.Viper, root *cobra.Command) error {
	known := settings(root)
	for _, key := range slices.Sorted(maps.Keys(file.AllSettings())) {
		if slices.Contains(known, key) {
			continue
		}
		if near := sink.Nearest(key, known); near != "" {
			return fmt.Errorf("%s: unknown key %q; did you mean %q?", path, key, near)
		}
		return fmt.Errorf("%s: unknown key %q; keys are the names of flags", path, key)
	}
	return nil
}

// settings lists the names of all flags of a command and those below it.
func settings(cmd *cobra.Command) []string {
	names := slices.DeleteFunc(flagNames(cmd.LocalFlags()), func(n string) bool { return notSettings[n] })
	for _, sub := range cmd.Commands() {
		names = append(names, settings(sub)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fill sets one flag from the environment or the file.
func fill(f *pflag.Flag, file *viper.Viper) error {
	if value, ok := os.LookupEnv(variable(f.Name)); ok && value != "" && !serviceLink(value) {
		return assign(f, value, variable(f.Name))
	}
	if !file.IsSet(f.Name) {
		return nil
	}
	value := file.GetString(f.Name)
	if list, ok := file.Get(f.Name).([]any); ok {
		value = strings.Join(texts(list), ",")
	}
	return assign(f, value, file.ConfigFileUsed()+": "+f.Name)
}

func assign(f *pflag.Flag, value, origin string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("%s: %w", origin, plainly(err, f, value))
	}
	f.Changed = true
	return nil
}

// variable names the environment variable of a flag.
func variable(flag string) string {
	return "TLSTRACE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// serviceLink recognises what Kubernetes puts into every pod's environment for a Service of the name tlstrace
// (TLSTRACE_PORT=tcp://10.0.0.1:9090), which is no setting of ours.
func serviceLink(value string) bool {
	return strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://")
}

func texts(list []any) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = fmt.Sprint(item)
	}
	return out
}
