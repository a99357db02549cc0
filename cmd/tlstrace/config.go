package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
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

// configFile is the file of --config, and where in it each key is.
type configFile struct {
	*viper.Viper
	path  string
	lines map[string]int
}

// at names the place of a key, for an error.
func (c configFile) at(key string) string {
	if line := c.lines[key]; line > 0 {
		return fmt.Sprintf("%s:%d", c.path, line)
	}
	return c.path
}

// readConfig reads the file of --config or TLSTRACE_CONFIG; without one it returns an empty configuration.
func readConfig(cmd *cobra.Command) (configFile, error) {
	file := configFile{Viper: viper.New(), path: configPath(cmd)}
	if file.path == "" {
		return file, nil
	}
	text, err := readSmall(file.path, maxConfigBytes)
	if err != nil {
		return file, fmt.Errorf("reading the configuration: %w", err)
	}
	if file.lines, err = keyLines(text); err != nil {
		return file, fmt.Errorf("reading the configuration: %s: %w", file.path, err)
	}
	file.SetConfigType("yaml")
	if err := file.ReadConfig(bytes.NewReader(text)); err != nil {
		return file, fmt.Errorf("reading the configuration: %s: %w", file.path, err)
	}
	return file, checkKeys(file, cmd.Root())
}

// configPath is the file of --config or TLSTRACE_CONFIG, or "".
func configPath(cmd *cobra.Command) string {
	if flag := cmd.Flags().Lookup("config"); flag != nil && flag.Value.String() != "" {
		return flag.Value.String()
	}
	return os.Getenv(variable("config"))
}

// maxConfigBytes is the most that a ConfigMap can hold.
const maxConfigBytes = 1 << 20

// readSmall reads a file that is at most so large.
func readSmall(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", path, limit)
	}
	return text, err
}

// keyLines finds the line of each key, and refuses what is no list of keys with plain values.
func keyLines(text []byte) (map[string]int, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: must be keys with their values, as in \"output: json\"", top.Line)
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if !plain(value) {
			return nil, fmt.Errorf("line %d: %s: must be one value or a list", key.Line, sink.Escape(key.Value, 60))
		}
		lines[strings.ToLower(key.Value)] = key.Line
	}
	return lines, nil
}

// plain says whether a value is one that a flag could have.
func plain(value *yaml.Node) bool {
	if value.Kind == yaml.SequenceNode {
		return !slices.ContainsFunc(value.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode })
	}
	return value.Kind == yaml.ScalarNode
}

// checkKeys refuses a key that is the name of no flag of any command, so that a typo is never silently ignored.
// A key of another command is fine: one file may serve all.
func checkKeys(file configFile, root *cobra.Command) error {
	known := settings(root)
	for _, key := range slices.Sorted(maps.Keys(file.lines)) {
		if slices.Contains(known, key) {
			continue
		}
		if near := sink.Nearest(key, known); near != "" {
			return fmt.Errorf("%s: unknown key %q; did you mean %q?", file.at(key), sink.Escape(key, 60), near)
		}
		return fmt.Errorf("%s: unknown key %q; keys are the names of flags", file.at(key), sink.Escape(key, 60))
	}
	return nil
}

// settings lists the names of all flags of a command and those below it.
func settings(cmd *cobra.Command) []string {
	names := slices.DeleteFunc(session.FlagNames(cmd.LocalFlags()), func(n string) bool { return notSettings[n] })
	for _, sub := range cmd.Commands() {
		names = append(names, settings(sub)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fill sets one flag from the environment or the file.
func fill(f *pflag.Flag, file configFile) error {
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
	return assign(f, value, file.at(f.Name)+": "+f.Name)
}

func assign(f *pflag.Flag, value, origin string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("%s: %w", origin, session.Plainly(err, f, value))
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
