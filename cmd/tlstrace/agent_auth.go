package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"k8s.io/client-go/kubernetes"
)

// Why a request is turned away. Each is one HTTP status.
var (
	errNoToken      = errors.New("a bearer token is needed")                      // 401
	errWrongToken   = errors.New("the bearer token is not accepted")              // 401
	errForbidden    = errors.New("the bearer of this token may not read events")  // 403
	errAuthDown     = errors.New("whether the token is good cannot be asked now") // 503
	errForeignHost  = errors.New("ask for this host by its address or localhost") // 403
	errOpenProfiles = errors.New("anybody who can connect could read the memory of the agent")
	errNoAuth       = errors.New("anybody who can connect could read the events") // at start
)

// gate decides who may read events and profiles.
type gate interface {
	// admit returns nil, or one of the errors above.
	admit(*http.Request) error
	// what describes it in one or two words.
	what() string
}

// newGate chooses the gate for a listening address: an open one only where nobody else can connect, or where it was asked for.
func newGate(f *agentFlags, at net.Addr, client kubernetes.Interface) (gate, error) {
	local := isLoopback(at)
	switch mode := f.auth.Value; {
	case mode == "none" && !local && f.pprof:
		return nil, fmt.Errorf("--pprof: with --auth none, %w; give it an address on loopback, or another --auth", errOpenProfiles)
	case mode == "none" && !local:
		return openGate{}, nil
	case mode == "none", mode == "auto" && local && f.tokenFile == "":
		return localGate{}, nil
	case mode == "token", mode == "auto" && f.tokenFile != "":
		t := &tokenGate{path: f.tokenFile}
		_, err := t.want()
		return t, err
	case client != nil:
		return newReviewGate(client), nil
	case mode == "tokenreview":
		return nil, errors.New("--auth tokenreview: there is no cluster to ask: run it in a pod, or give --kubeconfig")
	}
	return nil, fmt.Errorf("--listen %s: %w: give --token-file, run it in a cluster (TokenReview), or say --auth none", f.listen, errNoAuth)
}

// isLoopback says whether only this host can connect to an address.
func isLoopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// openGate admits everybody.
type openGate struct{}

func (openGate) admit(*http.Request) error { return nil }
func (openGate) what() string              { return "none" }

// localGate admits everybody on this host but a browser that was led here by somebody else's name (DNS rebinding).
type localGate struct{}

func (localGate) what() string { return "this host" }

func (localGate) admit(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "" || host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return nil
	}
	return errForeignHost
}

// maxTokenBytes bounds what is taken for a token: a service account's has about a kilobyte.
const maxTokenBytes = 8 << 10

// bearer returns the token of a request (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return "", errNoToken
	case len(token) > maxTokenBytes:
		return "", errWrongToken
	}
	return token, nil
}

// tokenGate admits who knows the token in a file. The file is read again when it has changed, so that a rotated secret counts
// at once.
type tokenGate struct {
	path string

	mu     sync.Mutex
	stamp  fileStamp
	digest [sha256.Size]byte
}

func (*tokenGate) what() string { return "token" }

func (g *tokenGate) admit(r *http.Request) error {
	token, err := bearer(r)
	if err != nil {
		return err
	}
	want, err := g.want()
	if err != nil {
		return errAuthDown
	}
	got := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return errWrongToken
	}
	return nil
}

// want returns the digest of the token that is in the file now.
func (g *tokenGate) want() ([sha256.Size]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stamp, err := stampOf(g.path)
	if err != nil {
		return g.digest, fmt.Errorf("--token-file: %w", err)
	}
	if stamp == g.stamp {
		return g.digest, nil
	}
	text, err := readSmall(g.path, maxTokenBytes)
	if err != nil {
		return g.digest, fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return g.digest, fmt.Errorf("--token-file: %s is empty", g.path)
	}
	g.stamp, g.digest = stamp, sha256.Sum256([]byte(token))
	return g.digest, nil
}

// guard lets only those through whom the gate admits.
func guard(g gate, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		err := g.admit(r)
		switch {
		case err == nil:
			next.ServeHTTP(rw, r)
		case errors.Is(err, errNoToken), errors.Is(err, errWrongToken):
			rw.Header().Set("WWW-Authenticate", `Bearer realm="tlstrace"`)
			turnAway(rw, http.StatusUnauthorized, err, "send Authorization: Bearer TOKEN; for tlstrace watch, --token-file")
		case errors.Is(err, errForbidden):
			turnAway(rw, http.StatusForbidden, err, "a role has to allow get on the nonResourceURL "+guardedPath(r))
		case errors.Is(err, errForeignHost):
			turnAway(rw, http.StatusForbidden, err, "this address is for local use, and asks for no token")
		default:
			rw.Header().Set("Retry-After", "5")
			turnAway(rw, http.StatusServiceUnavailable, errAuthDown, "try again")
		}
	})
}

// turnAway answers in the form of the stream's own errors.
func turnAway(rw http.ResponseWriter, status int, why error, hint string) {
	serveJSON(rw, status, map[string]string{"error": why.Error(), "hint": hint})
}
