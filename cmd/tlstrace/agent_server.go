package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"time"

	"golang.org/x/net/netutil"
)

// Paths of the agent's server.
const (
	eventsPath   = "/v1/events"
	profilesPath = "/debug/pprof/"
)

// Bounds of the agent's server.
const (
	maxConnections = 256
	maxHeaderBytes = 16 << 10
	headerTimeout  = 5 * time.Second
	answerTimeout  = 30 * time.Second // to write an answer, but for streams and profiles
	idleTimeout    = 2 * time.Minute
)

// endpoints are what the server serves.
type endpoints struct {
	metrics http.Handler
	events  http.Handler // the stream; sets its own deadlines
	health  *health
	gate    gate
	pprof   bool
}

func (e endpoints) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", inTime(e.metrics))
	mux.Handle("GET /healthz", inTime(http.HandlerFunc(e.health.live)))
	mux.Handle("GET /readyz", inTime(http.HandlerFunc(e.health.ready)))
	mux.Handle("GET /v1/version", inTime(http.HandlerFunc(serveVersion)))
	mux.Handle("GET "+eventsPath, guard(e.gate, e.events))
	if e.pprof {
		mux.Handle("GET "+profilesPath, guard(e.gate, http.HandlerFunc(pprof.Index)))
		mux.Handle("GET "+profilesPath+"profile", guard(e.gate, http.HandlerFunc(pprof.Profile)))
		mux.Handle("GET "+profilesPath+"trace", guard(e.gate, http.HandlerFunc(pprof.Trace)))
		mux.Handle("GET "+profilesPath+"symbol", guard(e.gate, http.HandlerFunc(pprof.Symbol)))
	}
	return mux
}

// inTime gives up on a client that does not read its answer.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(answerTimeout)) // without one it is served all the same
		next.ServeHTTP(rw, r)
	})
}

func serveVersion(rw http.ResponseWriter, _ *http.Request) {
	info, _ := debug.ReadBuildInfo()
	serveJSON(rw, http.StatusOK, thisBuild(info))
}

func serveJSON(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // the client is gone: there is nobody to tell
}

// server is the running HTTP server of the agent.
type server struct {
	http  *http.Server
	ended chan error // why it does not serve any more; nil after stop
}

// listenOn opens the address; [isLoopback] of what was opened decides who may read events.
func listenOn(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	return l, nil
}

// serve answers on l until it is stopped. keys are nil without TLS.
func serve(l net.Listener, handler http.Handler, keys *keyPair, log *slog.Logger) *server {
	// A ReadTimeout would end the context of a stream; no request here has a body to read.
	s := &server{ended: make(chan error, 1), http: &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what strangers send is no news
	}}
	l = netutil.LimitListener(l, maxConnections)
	if keys != nil {
		l = tls.NewListener(l, keys.config())
	}
	go func() {
		err := s.http.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.ended <- err
	}()
	return s
}

// stop lets answers that are under way end until ctx is done, then cuts them off.
func (s *server) stop(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // all connections are ours to drop
	}
}
