package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// span is a flag that takes a duration, of Go's form or in days (30d).
type span struct{ time.Duration }

var _ pflag.Value = (*span)(nil)

const day = 24 * time.Hour

// maxDays is what a duration can hold.
const maxDays = int64(1<<63-1) / int64(day)

func (s *span) Type() string { return "time" }

func (s *span) String() string {
	if s.Duration > 0 && s.Duration%day == 0 {
		return fmt.Sprintf("%dd", s.Duration/day)
	}
	return s.Duration.String()
}

// Set understands both forms.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int64
		n, err = strconv.ParseInt(days, 10, 64)
		if n > maxDays {
			err = strconv.ErrRange
		}
		d = time.Duration(n) * day
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time such as 30d or 72h", text)
	}
	s.Duration = d
	return nil
}
