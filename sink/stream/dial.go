package stream

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tlstrace/tlstrace/sink"
)

// Path is where an agent serves its events.
const Path = "/v1/events"

// DialOptions say what to read, and as whom. Zero values mean the defaults.
type DialOptions struct {
	// Filter is the query, as [ParseFilter] takes it; since in it asks for the past first. follow is set by Past.
	Filter url.Values
	Past   bool // only what is kept: after it, Read returns io.EOF
	// Token returns what to show as a bearer token, asked for each connection. TokenFile is read each time. At most one of them.
	Token     func() (string, error)
	TokenFile string
	TLS       *tls.Config
	// Transport carries the requests instead of the client's own, as one with a user's Kubernetes credentials does. TLS is not used then.
	Transport http.RoundTripper
	// Patient also retries the first connection, for as long as it takes. Else Dial returns its error.
	Patient bool
	// Silence is how long a connection may say nothing, not even a heartbeat, before it counts as dead. The default is a minute, four
	// heartbeats of a hub.
	Silence time.Duration
	// MinRetry and MaxRetry bound the pause before a connection is tried again, which doubles. The defaults are 0.5 s and 15 s.
	MinRetry, MaxRetry time.Duration
	// Told is called when the state of the connection changes, one call at a time. It must not wait for Read.
	Told func(State)
}

func (o DialOptions) withDefaults() DialOptions {
	if o.Silence <= 0 {
		o.Silence = 4 * DefaultHeartbeat
	}
	if o.MinRetry <= 0 {
		o.MinRetry = 500 * time.Millisecond
	}
	if o.MaxRetry <= 0 {
		o.MaxRetry = 15 * time.Second
	}
	o.MaxRetry = max(o.MaxRetry, o.MinRetry)
	if o.Told == nil {
		o.Told = func(State) {}
	}
	return o
}

// State is what became of a client's connection.
type State struct {
	Kind   StateKind
	Err    error         // of Disconnected and Unreadable
	Retry  time.Duration // of Disconnected: when it is tried again
	Notice Notice        // of Noticed; its text is escaped
}

// StateKind is a kind of change.
type StateKind string

// The kinds.
const (
	Connected    StateKind = "connected"
	Disconnected StateKind = "disconnected"
	Noticed      StateKind = "noticed"    // the hub said something about the stream
	Unreadable   StateKind = "unreadable" // the first of a connection's events that could not be read; the others are counted
)

// The ways in which a connection fails that are no error of the network.
var (
	ErrNotEvents = errors.New("the answer is no stream of events: is this the address of a tlstrace agent?")
	ErrSilent    = errors.New("nothing came, not even a heartbeat")
	ErrEnded     = errors.New("the agent ended the stream")
)

// StatusError is an answer other than 200.
type StatusError struct {
	Status     int
	Why, Hint  string        // as the agent says it, escaped; may be empty
	RetryAfter time.Duration // 0 if it did not say
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("the agent answers %d %s", e.Status, http.StatusText(e.Status))
	if e.Why != "" {
		text += ": " + e.Why
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// target is the address of the events of an agent: a host and port, or the URL under which the agent is reached.
func target(address string, o *DialOptions) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the agent's address: %s", sink.Escape(err.Error(), maxItem))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the agent's address: %q is neither http nor https", sink.Escape(u.Scheme, 60))
	case u.Host == "":
		return nil, errors.New("the agent's address has no host")
	case u.User != nil:
		return nil, errors.New("the agent's address holds a password: give a token instead")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the agent's address has a query: give filters instead")
	}
	if !strings.HasSuffix(u.Path, Path) {
		u = u.JoinPath(Path)
	}
	query := url.Values{}
	for key, values := range o.Filter {
		query[key] = values
	}
	query.Set(keyFollow, strconv.FormatBool(!o.Past))
	u.RawQuery = query.Encode()
	return u, nil
}

// newHTTP makes the client's transport. A redirect is not followed: the token is for this agent.
func newHTTP(o *DialOptions) *http.Client {
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = o.TLS
		t.DisableCompression = true // a few bytes cannot become many
		t.MaxResponseHeaderBytes = 64 << 10
		transport = t
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// maxToken bounds a token file: a Kubernetes token has a few kilobytes.
const maxToken = 64 << 10

// token asks for the token of a new connection; "" is none.
func (o *DialOptions) token() (string, error) {
	switch {
	case o.Token != nil:
		return o.Token()
	case o.TokenFile == "":
		return "", nil
	}
	file, err := os.Open(o.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxToken))
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// maxAnswer bounds what is read of an answer that is no stream.
const maxAnswer = 64 << 10

// statusError reads why an agent refuses.
func statusError(r *http.Response) error {
	e := &StatusError{Status: r.StatusCode}
	raw, _ := io.ReadAll(io.LimitReader(r.Body, maxAnswer)) // what there is of it will do
	var p problem
	if json.Unmarshal(raw, &p) == nil {
		e.Why, e.Hint = sink.Escape(p.Error, maxItem), sink.Escape(p.Hint, maxItem)
	}
	if seconds, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

func isEvents(r *http.Response) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == typeEvents
}
