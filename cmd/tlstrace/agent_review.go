package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Bounds of what Kubernetes is asked about tokens.
const (
	maxReviewed   = 256              // answers that are remembered
	reviewTTL     = 30 * time.Second // for so long: a token that is withdrawn works no longer than this
	reviewTimeout = 5 * time.Second
	reviewsPerSec = 2 // questions to the API server, two requests each
	reviewsBurst  = 10
)

// reviewGate asks Kubernetes who the bearer of a token is (TokenReview), and whether RBAC lets them get the path as a
// nonResourceURL (SubjectAccessReview).
type reviewGate struct {
	client  kubernetes.Interface
	limit   *rate.Limiter
	flights singleflight.Group
	now     func() time.Time

	mu      sync.Mutex
	answers map[reviewKey]reviewAnswer
}

// reviewKey is one question. The token itself is not kept.
type reviewKey struct {
	token [sha256.Size]byte
	path  string
}

type reviewAnswer struct {
	err   error
	until time.Time
}

func newReviewGate(client kubernetes.Interface) *reviewGate {
	return &reviewGate{
		client: client, limit: rate.NewLimiter(reviewsPerSec, reviewsBurst), now: time.Now,
		answers: map[reviewKey]reviewAnswer{},
	}
}

func (*reviewGate) what() string { return "tokenreview" }

func (g *reviewGate) admit(r *http.Request) error {
	token, err := bearer(r)
	if err != nil {
		return err
	}
	key := reviewKey{token: sha256.Sum256([]byte(token)), path: guardedPath(r)}
	if err, known := g.known(key); known {
		return err
	}
	_, err, _ = g.flights.Do(fmt.Sprintf("%x %s", key.token, key.path), func() (any, error) {
		return nil, g.ask(key, token)
	})
	return err
}

// guardedPath is what a role has to allow: the path of the stream, or that of all profiles.
func guardedPath(r *http.Request) string {
	if r.URL.Path == eventsPath {
		return eventsPath
	}
	return profilesPath
}

func (g *reviewGate) known(key reviewKey) (error, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.answers[key]
	return a.err, ok && g.now().Before(a.until)
}

// ask puts the question, and remembers an answer. That there was none is not remembered.
func (g *reviewGate) ask(key reviewKey, token string) error {
	if !g.limit.Allow() {
		return errAuthDown
	}
	ctx, cancel := context.WithTimeout(context.Background(), reviewTimeout) // the answer serves others, too
	defer cancel()
	err := g.review(ctx, token, key.path)
	if err == nil || errors.Is(err, errWrongToken) || errors.Is(err, errForbidden) {
		g.remember(key, err)
	}
	return err
}

func (g *reviewGate) remember(key reviewKey, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.answers) >= maxReviewed {
		g.forget()
	}
	g.answers[key] = reviewAnswer{err, g.now().Add(reviewTTL)}
}

// forget makes room: first by what is old or was refused, so that somebody who tries tokens does not push out those that are good.
func (g *reviewGate) forget() {
	now := g.now()
	maps.DeleteFunc(g.answers, func(_ reviewKey, a reviewAnswer) bool { return a.err != nil || !now.Before(a.until) })
	if len(g.answers) >= maxReviewed {
		clear(g.answers)
	}
}

func (g *reviewGate) review(ctx context.Context, token, path string) error {
	tr, err := g.client.AuthenticationV1().TokenReviews().Create(ctx,
		&authentication.TokenReview{Spec: authentication.TokenReviewSpec{Token: token}}, meta.CreateOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errAuthDown, err)
	case !tr.Status.Authenticated:
		return errWrongToken
	}
	user := tr.Status.User
	extra := map[string]authorization.ExtraValue{}
	for k, v := range user.Extra {
		extra[k] = authorization.ExtraValue(v)
	}
	sar, err := g.client.AuthorizationV1().SubjectAccessReviews().Create(ctx,
		&authorization.SubjectAccessReview{Spec: authorization.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			NonResourceAttributes: &authorization.NonResourceAttributes{Path: path, Verb: "get"},
		}}, meta.CreateOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errAuthDown, err)
	case !sar.Status.Allowed:
		return errForbidden
	}
	return nil
}
