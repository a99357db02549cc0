package tracer

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// verified is what the kernel's verifier had to do for tlstrace. test/kernels reads it from the log.
type verified struct {
	Programs     int     `json:"programs"`
	Instructions uint64  `json:"instructions,omitempty"` // that it went through for all programs; Linux 5.16 and later tell
	Largest      string  `json:"largest,omitempty"`
	Most         uint64  `json:"most,omitempty"` // of those, for the largest program
	Milliseconds float64 `json:"milliseconds"`   // to load and attach
}

// verifierLimit is how many instructions the verifier goes through before it gives a program up (BPF_COMPLEXITY_LIMIT_INSNS).
const verifierLimit = 1_000_000

// TestVerifierHasRoom: a program near the limit would be refused by the next kernel, whose verifier counts otherwise.
func TestVerifierHasRoom(t *testing.T) {
	began := time.Now()
	tr, err := Open(Options{GetError: true})
	if errors.Is(err, ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tr.Close() }()
	v := verified{Programs: len(tr.loaded.collection.Programs), Milliseconds: float64(time.Since(began).Milliseconds())}
	for name, p := range tr.loaded.collection.Programs {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, _ := info.VerifiedInstructions() // older kernels do not tell
		v.Instructions += uint64(n)
		if uint64(n) > v.Most {
			v.Most, v.Largest = uint64(n), name
		}
	}
	line, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verified: %s", line)
	if v.Most > verifierLimit/2 {
		t.Errorf("the verifier goes through %d instructions for %s, more than half of what it would", v.Most, v.Largest)
	}
}
