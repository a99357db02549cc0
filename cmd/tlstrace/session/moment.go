package session

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// Moment is a flag that takes a time (RFC 3339) or how long ago it was ("10m").
type Moment struct {
	time.Time
	Now  func() time.Time // for how long ago it was
	Text string           // as it was given
}

var _ pflag.Value = (*Moment)(nil)

// String returns the flag as it was given.
func (m *Moment) String() string { return m.Text }

// Type says what help calls it.
func (m *Moment) Type() string { return "time" }

// Set understands both forms.
func (m *Moment) Set(s string) error {
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		m.Time, m.Text = m.Now().Add(-ago), s
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("%q is neither a duration such as 10m nor a time such as 2026-01-31T15:04:05Z", s)
	}
	m.Time, m.Text = at, s
	return nil
}
