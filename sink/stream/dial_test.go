package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/sink/history"
)

func TestDialSaysWhyNot(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name    string
		address string
		want    string
	}{
		{"a problem", answers(t, status(401, `{"error":"no token","hint":"give one"}`)), "401 Unauthorized: no token (give one)"},
		{"a hostile problem", answers(t, status(500, `{"error":"\u001b[2J\n`+strings.Repeat("x", 1000)+`"}`)), `500 Internal Server Error: \x1b[2J\x0axxx`},
		{"a page", answers(t, status(404, "<html>"+strings.Repeat("x", 1<<20))), "404 Not Found"},
		{"another service", answers(t, status(200, "<html>")), ErrNotEvents.Error()},
		{"a redirect", answers(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }), "302 Found"},
		{"nobody", "http://127.0.0.1:1", "refused"},
		{"another scheme", "ftp://host", "neither http nor https"},
		{"no host", "http://", "no host"},
		{"a password", "http://user:secret@host", "give a token"},
		{"a query", "http://host/?x=1", "give filters"},
		{"nonsense", "http://\x7f", "address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dial(t.Context(), c.address, DialOptions{})
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 800 || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	var refused *StatusError
	_, err := Dial(t.Context(), answers(t, status(503, "")), DialOptions{})
	if !errors.As(err, &refused) || refused.Status != 503 || refused.RetryAfter != 7*time.Second {
		t.Errorf("got %+v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, "http://127.0.0.1:1", DialOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTarget(t *testing.T) {
	for address, want := range map[string]string{
		"localhost:9499":           "http://localhost:9499/v1/events?follow=true",
		"https://node/":            "https://node/v1/events?follow=true",
		"http://node/v1/events":    "http://node/v1/events?follow=true",
		"https://api/pods/x/proxy": "https://api/pods/x/proxy/v1/events?follow=true",
		"[::1]:9499":               "http://[::1]:9499/v1/events?follow=true",
	} {
		u, err := target(address, &DialOptions{})
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", address, u, err)
		}
	}
	o := DialOptions{Past: true, Filter: url.Values{"reason": {"unknown_ca"}}}
	if u, err := target("h", &o); err != nil || u.RawQuery != "follow=false&reason=unknown_ca" || len(o.Filter) != 1 {
		t.Errorf("%v, %v, %v", u, err, o.Filter)
	}
}

func TestTokensAreReadForEachConnection(t *testing.T) {
	var seen atomic.Pointer[string]
	address := answers(t, func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		seen.Store(&token)
		w.Header().Set("Content-Type", typeEvents)
	})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(t.Context(), address, DialOptions{TokenFile: file, MinRetry: time.Millisecond, MaxRetry: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := *seen.Load(); got != "Bearer one" {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new token is shown", func() bool { return *seen.Load() == "Bearer two" })
	for _, o := range []DialOptions{
		{TokenFile: file + "-not-there"},
		{Token: func() (string, error) { return "", os.ErrNotExist }},
	} {
		if _, err := Dial(t.Context(), address, o); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
}

// An agent with https speaks HTTP/2 to clients who can; streams and their deadlines work there, too.
func TestHTTPS(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			h, err := history.Open(history.Options{})
			if err != nil {
				t.Fatal(err)
			}
			hub := NewHub(Options{})
			var protocol atomic.Pointer[string]
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				protocol.Store(&r.Proto)
				hub.Handler(h).ServeHTTP(w, r)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			if _, err := Dial(t.Context(), server.URL, DialOptions{}); err == nil {
				t.Error("trusts anyone")
			}
			trusted := x509.NewCertPool()
			trusted.AddCert(server.Certificate())
			c, err := Dial(t.Context(), server.URL, DialOptions{TLS: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for n := range 3 {
				if err := h.Write(numbered(n)); err != nil {
					t.Fatal(err)
				}
				if e, err := c.Read(t.Context()); err != nil || e.ID != fmt.Sprint(n) {
					t.Errorf("%s, %v", e.ID, err)
				}
			}
			if got := *protocol.Load(); got != name {
				t.Errorf("over %s", got)
			}
		})
	}
}

// The transport of a user's Kubernetes credentials carries the requests, and adds what it adds.
func TestATransportOfTheUser(t *testing.T) {
	a := serve(t, history.Options{}, Options{})
	a.write(0, 1)
	var carried atomic.Int64
	c := dial(t, a, DialOptions{Past: true, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		carried.Add(1)
		return http.DefaultTransport.RoundTrip(r)
	})})
	if e, err := c.Read(t.Context()); err != nil || e.ID != "0" || carried.Load() != 1 {
		t.Errorf("%s, %v, %d requests", e.ID, err, carried.Load())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
