package main

import "testing"

func TestMemoryIsComparedByMedians(t *testing.T) {
	const looks = 300 // an hour's
	for name, tc := range map[string]struct {
		private func(i int) float64
		grows   bool
	}{
		"collected from time to time": {func(i int) float64 { return 20e6 + float64(i%25)*0.4e6 }, false},
		"a leak of 30 kB a look":      {func(i int) float64 { return 20e6 + float64(i%25)*0.4e6 + float64(i)*30e3 }, true},
		"one high look at the end":    {func(i int) float64 { return 20e6 + float64(i/(looks-1))*20e6 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			seen := make([]snapshot, looks)
			for i := range seen {
				seen[i].private = uint64(tc.private(i))
			}
			if early, late := memory(seen); (late > early+slack) != tc.grows {
				t.Errorf("%.0f and then %.0f bytes", early, late)
			}
		})
	}
}

func TestMemoryOfOneLook(t *testing.T) {
	if early, late := memory([]snapshot{{private: 7}}); early != 7 || late != 7 {
		t.Errorf("%v and %v", early, late)
	}
}
