package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// errToken says that the agent asks who reads, and there is nothing to show.
var errToken = errors.New("the agent wants a token")

// Show says which token is shown to an agent that asks for one. The zero value shows a token of the agent's own service account, bound to
// its pod: whoever answers there can do nothing with it that it could not do before. A pod that only looks like an agent must not get the
// user's own.
type Show struct {
	File    string // holds the token that all agents know
	Account string // namespace/name of a service account that may read events
	Own     bool   // the token of the kubeconfig
}

// tokenSeconds is how long a token is asked for: the API server grants no less than ten minutes.
const tokenSeconds = 600

// tokens finds what to show.
type tokens struct {
	show   Show
	config *rest.Config
	client kubernetes.Interface
}

func (t tokens) forAgent(ctx context.Context, a Agent) (string, error) {
	switch {
	case t.show.File != "":
		text, err := os.ReadFile(t.show.File)
		return strings.TrimSpace(string(text)), err
	case t.show.Own:
		return ownToken(t.config)
	case t.show.Account != "":
		namespace, name, ok := strings.Cut(t.show.Account, "/")
		if !ok {
			return "", fmt.Errorf("%q is no namespace/name of a service account", t.show.Account)
		}
		return t.request(ctx, namespace, name, nil)
	}
	if a.Account == "" {
		return "", errors.New("its pod has no service account")
	}
	return t.request(ctx, a.Namespace, a.Account, &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: a.Pod, UID: a.UID})
}

// request asks the API server for a token of a service account.
func (t tokens) request(ctx context.Context, namespace, account string, bound *authenticationv1.BoundObjectReference) (string, error) {
	seconds := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds, BoundObjectRef: bound}}
	request, err := t.client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", refused(fmt.Sprintf("a token of %s/%s takes create on serviceaccounts/token", namespace, account), err)
	}
	return request.Status.Token, nil
}

// ownToken is what the kubeconfig shows the API server, whether it is written there or made by a plugin.
func ownToken(config *rest.Config) (string, error) {
	seen := &headerReader{}
	wrapped, err := rest.HTTPWrappersForConfig(config, seen)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequest(http.MethodGet, config.Host, nil)
	if err != nil {
		return "", err
	}
	answer, err := wrapped.RoundTrip(request)
	if err != nil {
		return "", err
	}
	answer.Body.Close()
	token, ok := strings.CutPrefix(seen.header, "Bearer ")
	if !ok {
		return "", errors.New("the kubeconfig has no token: its user is known by a certificate")
	}
	return token, nil
}

// headerReader takes a request for sent, and keeps its credentials.
type headerReader struct{ header string }

// RoundTrip sends nothing.
func (h *headerReader) RoundTrip(r *http.Request) (*http.Response, error) {
	h.header = r.Header.Get("Authorization")
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}
