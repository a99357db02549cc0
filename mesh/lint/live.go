package lint

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// Live reads a cluster, and changes nothing in it: it lists the kinds that checks look at, and gets the Secrets that they name.
type Live struct {
	// Client speaks to the API server: the RESTClient of any typed client will do.
	Client rest.Interface
	// Namespace limits what is read to it and to the root namespace, for users who may not read all; "" reads all.
	Namespace string
	// RootNamespace is where policies hold for the whole mesh; empty takes [DefaultRootNamespace].
	RootNamespace string
	// PageSize is how many objects are asked for at a time; 0 asks for 500, as kubectl does.
	PageSize int
}

const defaultPage = 500

// ErrUnreachable says that the API server did not answer, or does not know who asks.
var ErrUnreachable = errors.New("the cluster cannot be read")

// Read reads everything. A kind that may not be read, or that the cluster does not have, is a finding; an error says that nothing could be.
func (l *Live) Read(ctx context.Context) (*Set, error) {
	s := NewSet()
	s.Live = true
	for _, a := range apis() {
		var err error
		switch a.kind {
		case KindReplicaSet, KindSecret: // the pods tell their Deployment; Secrets are got by name, below
			continue
		case KindNamespace:
			err = l.namespaces(ctx, s, &a)
		default:
			err = l.kind(ctx, s, &a)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.count == 0 && len(s.failed) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, s.failed[KindNamespace])
	}
	return s, l.secrets(ctx, s)
}

// where are the namespaces to list a kind in.
func (l *Live) where(a *api) []string {
	switch {
	case a.kind == KindConfigMap:
		return []string{l.root()}
	case l.Namespace == "" || a.cluster:
		return []string{""}
	case l.Namespace == l.root():
		return []string{l.Namespace}
	}
	return []string{l.Namespace, l.root()}
}

func (l *Live) root() string {
	return cmp.Or(l.RootNamespace, DefaultRootNamespace)
}

// kind lists one kind in the first of its versions that is served.
func (l *Live) kind(ctx context.Context, s *Set, a *api) error {
	for _, version := range a.versions {
		err := l.everywhere(ctx, s, a, version)
		if apierrors.IsNotFound(err) {
			continue
		}
		return s.outcome(a, err)
	}
	s.missing(a)
	return nil
}

func (l *Live) everywhere(ctx context.Context, s *Set, a *api, version string) error {
	for _, namespace := range l.where(a) {
		if err := l.list(ctx, s, a, version, namespace); err != nil {
			return err
		}
		s.complete(a.kind, namespace)
	}
	return nil
}

// outcome decides what an error means: nothing at all can be read, or this kind cannot.
func (s *Set) outcome(a *api, err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return nil
	case apierrors.IsUnauthorized(err), !errors.As(err, &status):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	s.failed[a.kind] = status.Status().Message
	return nil
}

// missing notes that the cluster does not have a kind: then there is no object of it.
func (s *Set) missing(a *api) {
	s.complete(a.kind, "")
	if a.group == groupGatewayAPI {
		return // an extension that many clusters are without
	}
	ref := Ref{Kind: a.kind, APIVersion: groupVersion(a.group, a.versions[0])}
	s.problem(finding(idNoCRD, ref, "", fmt.Sprintf("the cluster has no %s.%s: its CRD is not installed", a.resource, a.group)))
}

// list reads all pages of one kind in one namespace. Should the list have become too old between two pages, it is read once more.
func (l *Live) list(ctx context.Context, s *Set, a *api, version, namespace string) error {
	next, again := "", true
	for {
		p, err := l.page(ctx, a.path(version, namespace), next)
		switch {
		case apierrors.IsResourceExpired(err) && again:
			next, again = "", false
			continue
		case err != nil:
			return err
		}
		for _, item := range p.Items {
			s.take(a, version, item)
		}
		if next = p.Metadata.Continue; next == "" {
			return nil
		}
	}
}

type page struct {
	Metadata struct{ Continue string }
	Items    []json.RawMessage
}

func (l *Live) page(ctx context.Context, path, next string) (page, error) {
	var p page
	size := cmp.Or(l.PageSize, defaultPage)
	request := l.Client.Get().AbsPath(path).Param("limit", strconv.Itoa(size)).SetHeader("Accept", "application/json")
	if next != "" {
		request = request.Param("continue", next)
	}
	body, err := raw(request.Do(ctx))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("reading what the API server sent: %w", err)
	}
	return p, nil
}

// take decodes one object of a list.
func (s *Set) take(a *api, version string, body []byte) {
	d := decoder{api: a, version: version, body: body}
	if o := d.decode(); o != nil {
		s.add(o)
	}
	s.problem(d.problems...)
}

// namespaces lists the namespaces, or gets the ones of interest where only those may be read.
func (l *Live) namespaces(ctx context.Context, s *Set, a *api) error {
	if l.Namespace == "" {
		return l.kind(ctx, s, a)
	}
	for _, name := range slices.Compact([]string{l.Namespace, l.root()}) {
		body, err := l.get(ctx, a.path("v1", "")+"/"+name)
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			if err := s.outcome(a, err); err != nil {
				return err
			}
		default:
			s.take(a, "v1", body)
		}
	}
	return nil
}

func (l *Live) get(ctx context.Context, path string) ([]byte, error) {
	return raw(l.Client.Get().AbsPath(path).SetHeader("Accept", "application/json").Do(ctx))
}

// raw returns the body of an answer, or what the API server says is wrong: Result.Raw alone would leave that in the body.
func raw(r rest.Result) ([]byte, error) {
	if err := r.Error(); err != nil {
		return nil, err
	}
	return r.Raw()
}

// secrets gets the Secrets that the objects name. A namespace in which one may not be read is not complete.
func (l *Live) secrets(ctx context.Context, s *Set) error {
	a := newKindsByName()[[2]string{"", "Secret"}]
	wanted := wantedSecrets(s, l.root())
	for _, namespace := range slices.Sorted(maps.Keys(wanted)) {
		denied, err := l.secretsIn(ctx, s, a, namespace, wanted[namespace])
		if err != nil {
			return err
		}
		if denied == "" {
			s.complete(KindSecret, namespace)
			continue
		}
		ref := Ref{Kind: KindSecret, APIVersion: "v1", Namespace: namespace}
		s.problem(finding(idNotRead, ref, "", "certificates in namespace "+namespace+" were not checked: "+denied))
	}
	return nil
}

func (l *Live) secretsIn(ctx context.Context, s *Set, a *api, namespace string, names []string) (denied string, err error) {
	for _, name := range names {
		body, err := l.get(ctx, a.path("v1", namespace)+"/"+name)
		var status apierrors.APIStatus
		switch {
		case err == nil:
			s.take(a, "v1", body)
		case apierrors.IsNotFound(err):
		case errors.As(err, &status) && status.Status().Code != http.StatusUnauthorized:
			denied = status.Status().Message
		default:
			return "", fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
	}
	return denied, nil
}
