package sink

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tlstrace/tlstrace/event"
)

func TestMultiHandsOnToAllAndReturnsEveryError(t *testing.T) {
	var buf bytes.Buffer
	m := Multi{NewJSON(brokenPipe{}), NewJSON(&buf)}
	if err := m.Write(event.Event{ID: "x"}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(buf.String(), `"id":"x"`) {
		t.Errorf("the second sink got %q", buf.String())
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestMultiClosesAll(t *testing.T) {
	var buf bytes.Buffer
	m := Multi{NewSummary(brokenPipe{}, Screen{}), NewSummary(&buf, Screen{})}
	if err := m.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	if buf.Len() == 0 {
		t.Error("the second sink was not closed")
	}
}
