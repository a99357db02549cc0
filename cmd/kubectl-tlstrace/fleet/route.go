package fleet

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tlstrace/tlstrace/sink"
)

// The ways to an agent. Both go through the API server with the user's own credentials.
const (
	PortForward = "port-forward" // takes create on pods/portforward; ends on the loopback address of the pod
	PodProxy    = "pod-proxy"    // takes get on pods/proxy; the API server keeps back tokens that are meant for the agent
)

// Ways lists the values that choose a way; auto takes port-forward, and else the pod proxy.
var Ways = []string{"auto", PortForward, PodProxy}

// route is the [http.RoundTripper] to one agent. It finds the way with the first request, and stays with it.
type route struct {
	agent   Agent
	tunnel  *http.Transport
	proxy   http.RoundTripper
	server  *url.URL // of the API server
	tokens  tokens
	allowed string

	mu    sync.Mutex
	way   string // "" until one has worked
	token string // for the agent; "" until it asks for one
}

func newRoute(config *rest.Config, client kubernetes.Interface, a Agent, t tokens, way string) (*route, error) {
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	if server.Path == "" {
		server.Path = "/" // or what is joined to it is relative, which HTTP/2 refuses
	}
	proxy, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	f := &forwarder{config: config, client: client, agent: a}
	return &route{
		agent: a, server: server, proxy: proxy, tokens: t, allowed: way,
		tunnel: &http.Transport{
			DialContext: f.dial, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true,
			// Which pod is at the other end is the API server's word and that of the node's kubelet, to whom the tunnel goes. The pod's
			// certificate is for a name that others use.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
		},
	}, nil
}

// address is the URL of the agent as its own pod knows it.
func (r *route) address() string {
	scheme := "http"
	if r.agent.HTTPS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, r.agent.Port)
}

// via is the way that works; "" if none does yet.
func (r *route) via() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.way
}

// RoundTrip sends a request by the way that works, or finds it.
func (r *route) RoundTrip(request *http.Request) (*http.Response, error) {
	way := r.via()
	if way == "" && r.allowed != "auto" {
		way = r.allowed
	}
	switch way {
	case PortForward:
		return r.settle(PortForward)(r.byTunnel(request))
	case PodProxy:
		return r.settle(PodProxy)(r.byProxy(request))
	}
	answer, err := r.byTunnel(request)
	if err == nil || request.Context().Err() != nil || errors.Is(err, errToken) {
		return r.settle(PortForward)(answer, err)
	}
	answer, second := r.byProxy(request)
	if second != nil {
		return nil, fmt.Errorf("%w; %w", err, second)
	}
	return r.settle(PodProxy)(answer, nil)
}

// settle remembers a way that has led to an answer.
func (r *route) settle(way string) func(*http.Response, error) (*http.Response, error) {
	return func(answer *http.Response, err error) (*http.Response, error) {
		if err == nil {
			r.mu.Lock()
			r.way = way
			r.mu.Unlock()
		}
		return answer, err
	}
}

// byTunnel asks through a port-forward, and once more with a token if the agent wants one.
func (r *route) byTunnel(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	token := r.token
	r.mu.Unlock()
	answer, err := r.tunnel.RoundTrip(withToken(request, token))
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, explain(err, PortForward, "create on pods/portforward")
	}
	answer.Body.Close()
	if token, err = r.tokens.forAgent(request.Context(), r.agent); err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	r.mu.Lock()
	r.token = token
	r.mu.Unlock()
	return r.tunnel.RoundTrip(withToken(request, token))
}

func withToken(request *http.Request, token string) *http.Request {
	request = request.Clone(request.Context())
	if request.Header.Del("Authorization"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request
}

// byProxy asks through the API server's proxy to pods.
func (r *route) byProxy(request *http.Request) (*http.Response, error) {
	request = withToken(request, "") // the header is the user's, for the API server
	name := fmt.Sprintf("%s:%d", r.agent.Pod, r.agent.Port)
	if r.agent.HTTPS {
		name = "https:" + name
	}
	at := r.server.JoinPath("api/v1/namespaces", r.agent.Namespace, "pods", name, "proxy", request.URL.Path)
	at.RawQuery = request.URL.RawQuery
	request.URL, request.Host = at, at.Host
	answer, err := r.proxy.RoundTrip(request)
	if err != nil {
		return nil, explain(err, PodProxy, "get on pods/proxy")
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return answer, nil
	case http.StatusUnauthorized:
		answer.Body.Close()
		return nil, fmt.Errorf("the agent wants a token, and the API server's proxy lets none through: %s is needed", PortForward)
	}
	return answer, explain(refusal(answer), PodProxy, "get on pods/proxy")
}

// refusal is the error of the API server itself, which answers with a Status; nil if the agent answers. The body stays readable.
func refusal(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	answer.Body.Close()
	answer.Body = io.NopCloser(strings.NewReader(string(text)))
	var status metav1.Status
	if err != nil || json.Unmarshal(text, &status) != nil || status.Kind != "Status" {
		return nil
	}
	return apierrors.FromObject(&status)
}

// explain says which right is missing, if that is why.
func explain(err error, way, right string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err), strings.Contains(err.Error(), "orbidden"): // the upgrade to streams tells it as text only
		return &ErrNotAllowed{Doing: way + " takes " + right, Err: errors.New(sink.Escape(cmp.Or(messageOf(err), err.Error()), 400))}
	}
	return fmt.Errorf("%s: %s", way, sink.Escape(err.Error(), 400))
}

// messageOf is the text of an error of the API.
func messageOf(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Message
	}
	return ""
}
