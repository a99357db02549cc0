package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/tlstrace/tlstrace/cmd/tlstrace/session"
)

func TestGateIsOpenOnlyWhereNobodyElseConnectsOrItWasAskedFor(t *testing.T) {
	local, world := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4zero}
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "geheim\n")
	cluster := new(kubernetes.Clientset)
	tests := []struct {
		name   string
		flags  agentFlags
		at     net.Addr
		client kubernetes.Interface
		want   string
	}{
		{"loopback", agentFlags{auth: session.Choice{Value: "auto"}}, local, nil, "this host"},
		{"loopback in a cluster", agentFlags{auth: session.Choice{Value: "auto"}}, local, cluster, "this host"},
		{"loopback of version 6", agentFlags{auth: session.Choice{Value: "auto"}}, &net.TCPAddr{IP: net.IPv6loopback}, nil, "this host"},
		{"loopback with a token", agentFlags{auth: session.Choice{Value: "auto"}, tokenFile: token}, local, nil, "token"},
		{"reachable with a token", agentFlags{auth: session.Choice{Value: "auto"}, tokenFile: token}, world, cluster, "token"},
		{"reachable in a cluster", agentFlags{auth: session.Choice{Value: "auto"}}, world, cluster, "tokenreview"},
		{"loopback, but asked for", agentFlags{auth: session.Choice{Value: "tokenreview"}}, local, cluster, "tokenreview"},
		{"reachable, and open on purpose", agentFlags{auth: session.Choice{Value: "none"}}, world, cluster, "none"},
		{"reachable, and nobody to ask", agentFlags{auth: session.Choice{Value: "auto"}}, world, nil, ""},
		{"no cluster to ask", agentFlags{auth: session.Choice{Value: "tokenreview"}}, local, nil, ""},
		{"no token in the file", agentFlags{auth: session.Choice{Value: "token"}, tokenFile: token + ".absent"}, local, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newGate(&tt.flags, tt.at, tt.client)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("the gate is %s, want an error", g.what())
			case tt.want != "" && (err != nil || g.what() != tt.want):
				t.Errorf("got %v, %v, want %s", g, err, tt.want)
			}
		})
	}
}

func TestLocalGateRefusesForeignNames(t *testing.T) {
	for host, want := range map[string]error{
		"127.0.0.1:9499": nil, "localhost:9499": nil, "localhost": nil, "[::1]:9499": nil, "10.0.0.1": nil,
		"evil.example:9499": errForeignHost, "localhost.evil.example": errForeignHost, "127.0.0.1.evil.example": errForeignHost,
	} {
		r := httptest.NewRequest(http.MethodGet, eventsPath, nil)
		r.Host = host
		if err := (localGate{}).admit(r); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", host, err, want)
		}
	}
}

func TestTokenGate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, " geheim\n")
	g := &tokenGate{path: path}
	ask := func(header string) error {
		r := httptest.NewRequest(http.MethodGet, eventsPath, nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		return g.admit(r)
	}
	for header, want := range map[string]error{
		"": errNoToken, "Basic Z2VoZWlt": errNoToken, "Bearer": errNoToken, "Bearer  ": errNoToken,
		"Bearer geheim": nil, "bearer geheim": nil, "Bearer geheim2": errWrongToken, "Bearer gehei": errWrongToken,
		"Bearer " + strings.Repeat("x", maxTokenBytes+1): errWrongToken,
	} {
		if err := ask(header); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", header, err, want)
		}
	}
	writeFile(t, path+".new", "rotated")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := ask("Bearer rotated"); err != nil {
		t.Errorf("the new token: %v", err)
	}
	if err := ask("Bearer geheim"); !errors.Is(err, errWrongToken) {
		t.Errorf("the old token: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := ask("Bearer rotated"); !errors.Is(err, errAuthDown) {
		t.Errorf("without a file: %v", err)
	}
}

func TestGuardAnswers(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusOK: nil, http.StatusUnauthorized: errWrongToken, http.StatusForbidden: errForbidden,
		http.StatusServiceUnavailable: errAuthDown,
	} {
		answer := httptest.NewRecorder()
		guard(fixedGate{err}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
			ServeHTTP(answer, httptest.NewRequest(http.MethodGet, eventsPath, nil))
		if answer.Code != want {
			t.Errorf("%v: answered %d, want %d", err, answer.Code, want)
		}
		if err != nil && !strings.Contains(answer.Body.String(), `"error":`) {
			t.Errorf("%v: the body is %q", err, answer.Body)
		}
	}
}

type fixedGate struct{ err error }

func (g fixedGate) admit(*http.Request) error { return g.err }
func (fixedGate) what() string                { return "fixed" }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
