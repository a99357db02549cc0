package lint

// Ref names an object, and where it was read.
type Ref struct {
	Kind       Kind   `json:"kind"`
	APIVersion string `json:"apiVersion,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	// Source is the file it was read from, "-" for standard input, and empty for a live object.
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"` // from 1; 0 if there is none
}

// Finding is one thing that is wrong with one object.
type Finding struct {
	Check    *Check
	Severity Severity
	Object   Ref
	// Field is where in the object, from its top, as in spec.trafficPolicy.portLevelSettings[0].tls.mode or
	// metadata.annotations["traffic.sidecar.istio.io/excludeInboundPorts"]. Empty for the whole object. If the field is not there the
	// position is that of the nearest one above it that is.
	Field   string
	Message string // one sentence with the names and values that matter, never a secret
	Fix     string
	// Related are the other objects that it rests on: the server's workload and service, the policy that wins. A failed handshake is
	// matched to a finding by Object and Related, so name the workloads or services at both ends as far as they are known.
	Related []Ref
	// New says that the finding exists only because of files that were laid over a live cluster.
	New bool
	// Line is where Field is in the object's Source; 0 if that is not known. It is filled in by [Run].
	Line int

	id string // of the check, while reading
	at *Meta  // where the object was read, for one that is not in the world
}

// finding makes a finding of what was seen while reading.
func finding(id string, object Ref, field, message string) Finding {
	return Finding{Object: object, Field: field, Message: message, id: id}
}
