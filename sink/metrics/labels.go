package metrics

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tlstrace/tlstrace/event"
)

// The labels.
const (
	labelResult        = "result"
	labelRole          = "role"
	labelReason        = "reason"
	labelLayer         = "layer"
	labelNamespace     = "namespace"
	labelWorkload      = "workload"
	labelPeerNamespace = "peer_namespace"
	labelPeerWorkload  = "peer_workload"
)

// other stands for the names of what came after a metric was full. No Kubernetes name has a tilde.
const other = "~other"

// unknown stands for a value outside of a closed set.
const unknown = "unknown"

// naming are the labels that can grow: they name workloads.
var naming = []string{labelNamespace, labelWorkload, labelPeerNamespace, labelPeerWorkload}

// maxValue bounds a label value in bytes: a namespace and a workload are DNS names (RFC 1123), of 253 at most.
const maxValue = 253

// clean makes any text a label value: valid UTF-8, nothing but what can be printed, of a bounded length.
func clean(text string) string {
	if isPlain(text) {
		return text
	}
	// Each byte of broken text becomes three: nothing that is cut here would have been kept.
	text = strings.Map(printable, text[:min(len(text), maxValue)])
	for len(text) > maxValue {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= maxValue
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// member is a value of a closed set, or unknown.
func member[S ~string](value S, set []S) string {
	if slices.Contains(set, value) {
		return string(value)
	}
	return unknown
}

// NameOf names an end as the labels namespace and workload do: by its workload; by its pod, if that belongs to none; or as service/NAME,
// if only the Service behind an address is known. What is not in Kubernetes, or not known, has no name.
func NameOf(k *event.K8s) (namespace, workload string) {
	switch {
	case k == nil:
		return "", ""
	case k.Workload != "":
		workload = k.Workload
	case k.Pod != "":
		workload = k.Pod
	case k.Service != "":
		workload = "service/" + k.Service
	}
	return k.Namespace, workload
}

// end is one end of a connection that is on this machine, and what is called its peer.
type end struct {
	role      event.Side
	own, peer *event.Endpoint
}

// localEnds are the ends that were seen from here. An event that was read from a log has none.
func localEnds(e *event.Event) []end {
	client, server := end{event.Client, &e.Client, &e.Server}, end{event.Server, &e.Server, &e.Client}
	switch e.ObservedFrom {
	case event.FromClient:
		return []end{client}
	case event.FromServer:
		return []end{server}
	case event.FromBoth:
		return []end{client, server}
	}
	return nil
}
