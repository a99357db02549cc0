package cluster

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Request is a request that a user made, as the API server recorded it when it had answered. A watch is there once, when it began.
type Request struct {
	Time      time.Time // when it was received
	User      string    // "agent", "system:serviceaccount:NAMESPACE:NAME"
	UserAgent string
	Verb      string // get, list, watch, create, ...
	URI       string // path and query
	Resource  string // "pods"; empty for a path that is no resource
	Code      int    // HTTP status
}

// auditPolicy leaves out what tests do as Admin to prepare the cluster, and what the API server asks itself
// (kubernetes.io/docs/tasks/debug/debug-cluster/audit).
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [admin, "system:anonymous", "system:apiserver"]
- level: Metadata
`

func (c *Cluster) auditPolicyFile() string { return filepath.Join(c.Dir, "audit-policy.yaml") }
func (c *Cluster) auditLog() string        { return filepath.Join(c.Dir, "audit.log") }

// auditEvent is what is read of audit.k8s.io/v1 Event.
type auditEvent struct {
	Stage                    string
	RequestReceivedTimestamp time.Time
	Verb, RequestURI         string
	UserAgent                string
	User                     struct{ Username string }
	ObjectRef                struct{ Resource string }
	ResponseStatus           struct{ Code int }
}

// Requests returns the requests of all users but Admin so far, in the order of their answers.
func (c *Cluster) Requests(t testing.TB) []Request {
	t.Helper()
	f, err := os.Open(c.auditLog())
	if os.IsNotExist(err) {
		return nil // it is made with the first request
	}
	must(t, err)
	defer f.Close()
	var all []Request
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e auditEvent
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			break // the last line is still being written
		}
		// A watch is told when it starts and again when it ends.
		if (e.Verb == "watch") == (e.Stage == "ResponseStarted") {
			all = append(all, Request{Time: e.RequestReceivedTimestamp, User: e.User.Username, UserAgent: e.UserAgent,
				Verb: e.Verb, URI: e.RequestURI, Resource: e.ObjectRef.Resource, Code: e.ResponseStatus.Code})
		}
	}
	must(t, lines.Err())
	return all
}
