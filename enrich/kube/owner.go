package kube

import (
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	maxOwners    = 8192
	ownerFor     = time.Hour   // what a controller's controller is does not change
	lostOwnerFor = time.Minute // that it is not there any more
)

// Kinds of controllers whose own controller is what users know.
const (
	kindReplicaSet = "ReplicaSet"
	kindJob        = "Job"
	kindPod        = "Pod"
)

// ownerKey is a ReplicaSet or Job that has to be asked for its own controller.
type ownerKey struct {
	namespace, name text
	kind            string
}

// workloadOf names the workload of a pod: its name alone, as in the metrics of Istio, with the kind apart. A Deployment or Rollout
// is found through the labels that its controller gives to pods, if they fit the name of the ReplicaSet; the Job of a CronJob, and
// a ReplicaSet where they do not, has to be asked for: owner is set then. A pod without a controller is its own workload; a static
// pod, the one of its manifest, without the name of the node that kubelet adds.
func workloadOf(p *corev1.Pod) (name, kind string, owner ownerKey) {
	ref := metav1.GetControllerOfNoCopy(p)
	switch {
	case ref == nil:
		return p.Name, kindPod, ownerKey{}
	case ref.Kind == "Node" && ref.APIVersion == "v1":
		return strings.TrimSuffix(p.Name, "-"+p.Spec.NodeName), kindPod, ownerKey{}
	case ref.Kind == kindReplicaSet && strings.HasPrefix(ref.APIVersion, "apps/"):
		if name, kind := templateOwner(p, ref.Name); name != "" {
			return name, kind, ownerKey{}
		}
	case ref.Kind == kindJob && strings.HasPrefix(ref.APIVersion, "batch/"):
	default:
		return ref.Name, ref.Kind, ownerKey{}
	}
	return "", "", ownerKey{namespace: intern(p.Namespace), name: intern(ref.Name), kind: ref.Kind}
}

// templateOwner applies the rule by which the controllers of Deployments and of Argo's Rollouts make the name of a ReplicaSet and a
// label of its pods (k8s.io/kubernetes/pkg/controller/deployment/sync.go, generateReplicaSetName): NAME-HASH and HASH. It is
// certain unless the name had to be cut.
func templateOwner(p *corev1.Pod, replicaSet string) (name, kind string) {
	for _, made := range []struct{ label, kind string }{
		{"rollouts-pod-template-hash", "Rollout"},
		{"pod-template-hash", "Deployment"},
	} {
		hash := p.Labels[made.label]
		name, ok := strings.CutSuffix(replicaSet, "-"+hash)
		if ok && name != "" && isTemplateHash(hash) && len(replicaSet) < maxName {
			return name, made.kind
		}
	}
	return "", ""
}

// isTemplateHash knows the alphabet of k8s.io/apimachinery/pkg/util/rand.SafeEncodeString, in which a hash of 32 bits is written.
func isTemplateHash(s string) bool {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	return len(s) > 0 && len(s) <= 10 && strings.Trim(s, alphabet) == ""
}

// ownership is what controls a controller.
type ownership struct {
	name, kind string // "" if the controller is gone
	until      time.Time
}

// ownershipOf reads the answer: an object without a controller is the workload itself.
func ownershipOf(kind string, o metav1.Object) ownership {
	if ref := metav1.GetControllerOfNoCopy(o); ref != nil {
		return ownership{name: bound(ref.Name), kind: bound(ref.Kind)}
	}
	return ownership{name: bound(o.GetName()), kind: kind}
}

// owners remembers who controls ReplicaSets and Jobs.
type owners struct {
	now   func() time.Time
	mu    sync.RWMutex
	known map[ownerKey]ownership
}

func newOwners(now func() time.Time) *owners {
	return &owners{now: now, known: map[ownerKey]ownership{}}
}

// get returns what is known; fresh is false if it should be asked for (again).
func (o *owners) get(key ownerKey) (found ownership, fresh bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	found, ok := o.known[key]
	return found, ok && o.now().Before(found.until)
}

// keep remembers an answer; what was known of a controller that is gone stays.
func (o *owners) keep(key ownerKey, found ownership) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found.until = o.now().Add(ownerFor)
	if found.name == "" {
		found.name, found.kind = o.known[key].name, o.known[key].kind
		found.until = o.now().Add(lostOwnerFor)
	}
	for other := range o.known {
		if len(o.known) < maxOwners {
			break
		}
		delete(o.known, other) // any one: it is asked for again if it is still needed
	}
	o.known[key] = found
}
