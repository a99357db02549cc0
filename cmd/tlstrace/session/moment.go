package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// moment is a flag that takes a time (RFC 3339) or how long ago it was ("10m").
type moment struct {
	time.Time
	now  func() time.Time
	text string
}

var _ pflag.Value = (*moment)(nil)

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "time" }

// Set understands both forms.
func (m *moment) Set(s string) error {
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		m.Time, m.text = m.now().Add(-ago), s
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("%q is neither a duration such as 10m nor a time such as 2026-01-31T15:04:05Z", s)
	}
	m.Time, m.text = at, s
	return nil
}
