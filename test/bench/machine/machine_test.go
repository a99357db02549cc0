package machine

import "testing"

func TestModelName(t *testing.T) {
	if got := modelName("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n"); got != "AMD EPYC" {
		t.Errorf("%q", got)
	}
	if got := modelName("processor\t: 0\nBogoMIPS\t: 50.00\n"); got != "unnamed processor" {
		t.Errorf("%q", got)
	}
}
