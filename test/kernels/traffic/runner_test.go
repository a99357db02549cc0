package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// Which end of each scenario gets an error. What is not here has to go well, or ends without either end minding.
var complaints = map[string]string{
	"probe":   "server",
	"expired": "both", "not-yet-valid": "both", "self-signed": "both", "unknown-ca": "both", "wrong-name": "both",
	"client-cert-missing": "both", "client-cert-unknown-ca": "both",
	"no-common-version": "both", "no-common-cipher": "both", "no-common-alpn": "both", "unknown-sni": "both",
	"reset-by-client": "server", "reset-by-server": "client", "reset-by-server-linger": "client",
	"fin-by-client": "server", "fin-by-server": "client", "refused": "client",
	"plaintext-to-tls": "server", "tls-to-plaintext": "client", "garbage": "server", "garbage-handshake": "server",
	"plaintext-to-unknown": "server",
}

func TestScenariosEndAsTheyAreNamed(t *testing.T) {
	var out bytes.Buffer
	if err := command([]string{"run", "all"}, &out); err != nil {
		t.Fatal(err)
	}
	connections := 0
	for lines := json.NewDecoder(&out); lines.More(); connections++ {
		var told report
		if err := lines.Decode(&told); err != nil {
			t.Fatal(err)
		}
		if got := complaining(told); got != complaints[told.Scenario] {
			t.Errorf("%s over TLS %s: error at %q, want %q: client %q, server %q",
				told.Scenario, told.TLS, got, complaints[told.Scenario], told.ClientError, told.ServerError)
		}
	}
	if want := len(scenarios()); connections < want {
		t.Errorf("%d connections, want one or more for each of %d scenarios", connections, want)
	}
}

func complaining(told report) string {
	switch {
	case told.ClientError != "" && told.ServerError != "":
		return "both"
	case told.ClientError != "":
		return "client"
	case told.ServerError != "":
		return "server"
	}
	return ""
}

func TestWrongUseIsRefused(t *testing.T) {
	for _, arguments := range []string{"", "run", "pki", "dance", "run nonsense", "-tls 1.1 run healthy"} {
		if err := command(strings.Fields(arguments), io.Discard); err == nil {
			t.Errorf("traffic %s: no error", arguments)
		}
	}
}
