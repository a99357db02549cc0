package cluster

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Users that the API server knows by a bearer token.
const (
	Admin = "admin" // of the group system:masters: may do everything
	Agent = "agent" // may do nothing but what a test grants it
)

// token is the bearer token of a user. It is no secret: the server listens on loopback and ends with the test.
func token(user string) string { return "token-of-" + user }

func (c *Cluster) tokenFile() string { return filepath.Join(c.Dir, "tokens.csv") }

// writeTokens writes the API server's list: token, user, uid, groups.
func (c *Cluster) writeTokens() error {
	f, err := os.OpenFile(c.tokenFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return csv.NewWriter(f).WriteAll([][]string{
		{token(Admin), Admin, "1", "system:masters"},
		{token(Agent), Agent, "2"},
	})
}

// ConfigOf is how a user reaches the API server: Admin, Agent.
func (c *Cluster) ConfigOf(user string) *rest.Config { return c.configWith(token(user)) }

// configWith has no rate limit in the client: a test that wants one sets it.
func (c *Cluster) configWith(bearer string) *rest.Config {
	return &rest.Config{
		Host:            c.url("https", c.port),
		BearerToken:     bearer,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.pki.ca},
		QPS:             -1,
	}
}

// KubeconfigOf writes a kubeconfig file and returns its path.
func (c *Cluster) KubeconfigOf(t testing.TB, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, writeKubeconfig(path, config))
	return path
}

func writeKubeconfig(path string, config *rest.Config) error {
	k := clientcmdapi.NewConfig()
	k.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthority: config.CAFile}
	k.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: config.BearerToken}
	k.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	k.CurrentContext = "test"
	return clientcmd.WriteToFile(*k, path)
}

// Grant allows a user or service account of the cluster what the rules say, in all namespaces, and returns when the API server goes by
// it: its authorizer learns of roles and bindings from a watch, a moment after they were made.
func (c *Cluster) Grant(t testing.TB, to rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, Rules: rules}
	role, err := c.Client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	must(t, err)
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{to},
	}
	_, err = c.Client.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
	must(t, err)
	for _, rule := range rules {
		c.awaitAllowed(t, to, rule)
	}
}

// awaitAllowed asks the API server whether a subject may do the first that a rule says, until it may.
func (c *Cluster) awaitAllowed(t testing.TB, to rbacv1.Subject, rule rbacv1.PolicyRule) {
	t.Helper()
	spec := authorizationv1.SubjectAccessReviewSpec{User: to.Name}
	if to.Kind == rbacv1.ServiceAccountKind {
		spec.User = "system:serviceaccount:" + to.Namespace + ":" + to.Name
	}
	if len(rule.NonResourceURLs) > 0 {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Verb: rule.Verbs[0], Path: rule.NonResourceURLs[0]}
	} else {
		resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
		spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: resource, Subresource: subresource,
		}
	}
	reviews := c.Client.AuthorizationV1().SubjectAccessReviews()
	must(t, wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, serverTime, true, func(ctx context.Context) (bool, error) {
		review, err := reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	}))
}

// User is the subject of a user that has a token.
func User(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

// Account is the subject of a service account.
func Account(namespace, name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
}

// ServiceAccount makes a service account without rights and returns how it reaches the API server: with a token for an hour
// that the API server issued (TokenRequest).
func (c *Cluster) ServiceAccount(t testing.TB, namespace, name string) *rest.Config {
	t.Helper()
	accounts := c.Client.CoreV1().ServiceAccounts(namespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := accounts.Create(t.Context(), account, metav1.CreateOptions{})
	must(t, err)
	hour := int64(time.Hour / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}
	request, err = accounts.CreateToken(t.Context(), name, request, metav1.CreateOptions{})
	must(t, err)
	return c.configWith(request.Status.Token)
}
