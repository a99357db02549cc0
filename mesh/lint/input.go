package lint

// The checks of what is read. What they find is found while reading.
const (
	idBroken       = "TLT0001"
	idVersion      = "TLT0002"
	idInvalid      = "TLT0003"
	idUnknownField = "TLT0004"
	idDuplicate    = "TLT0005"
	idNotRead      = "TLT0006"
	idNoCRD        = "TLT0007"
	idNotRendered  = "TLT0008"
	idIgnore       = "TLT0009"
)

// inputChecks are the checks of topic input.
func inputChecks() []Check {
	return []Check{
		{
			ID: idBroken, Name: "broken-document", Severity: Error, Topic: TopicInput,
			Summary: "A document is neither YAML nor JSON.",
			Explain: "kubectl refuses it, and nothing in it could be checked. The other documents of the file were.",
			Fix:     "Correct the syntax at the line that is named. A template (Helm, Jinja) has to be rendered first.",
			Known:   []string{"IST0106"},
		},
		{
			ID: idVersion, Name: "unknown-api-version", Severity: Error, Topic: TopicInput,
			Summary: "An object has an API version in which its kind does not exist.",
			Explain: "The API server refuses it, or another version of it is in force than the file says; it was not checked.",
			Fix:     "Use a version that is served: kubectl api-resources lists them.",
		},
		{
			ID: idInvalid, Name: "invalid-value", Severity: Error, Topic: TopicInput,
			Summary: "A value is not one that its field can have.",
			Explain: "The API server refuses the object, so what is in force is what was there before.",
			Fix:     "Take one of the values that are named.",
			Known:   []string{"IST0106"},
		},
		{
			ID: idUnknownField, Name: "unknown-field", Severity: Warning, Topic: TopicInput,
			Summary: "An Istio object has a field that Istio's API does not have.",
			Explain: "The API server drops it with no more than a warning (kubectl apply), so a misspelt tls or mtls leaves the default " +
				"in force. Fields that Istio has added after 1.31 are not known here.",
			Fix:   "Correct the name, or its indentation: kubectl explain shows where a field belongs.",
			Known: []string{"IST0106"},
		},
		{
			ID: idDuplicate, Name: "duplicate-object", Severity: Warning, Topic: TopicInput,
			Summary: "Two documents define the same object.",
			Explain: "The one that is applied last wins, and which one that is depends on the order of files. The last one that was read was checked.",
			Fix:     "Keep one of them.",
		},
		{
			ID: idNotRead, Name: "kind-not-read", Severity: Warning, Topic: TopicInput,
			Summary: "The API server did not let a kind be read.",
			Explain: "Checks that would be wrong without it were skipped; the others were made.",
			Fix:     "Grant get and list on it: docs/lint.md has a ClusterRole.",
		},
		{
			ID: idNoCRD, Name: "kind-not-installed", Severity: Info, Topic: TopicInput,
			Summary: "The cluster does not have a kind of Istio's.",
			Explain: "Its CRD is not installed, so that no object of it can exist; everything else was checked.",
			Fix:     "If Istio should be there, install its CRDs (the chart istio/base).",
		},
		{
			ID: idNotRendered, Name: "not-rendered", Severity: Info, Topic: TopicInput,
			Summary: "A directory is a Helm chart or a kustomization, which is not what a cluster gets.",
			Explain: "The templates of a chart are no YAML and were passed over. The files of a kustomization were read as they are, patches included.",
			Fix:     "Pipe what is rendered: helm template DIR | tlstrace lint -f -, or kustomize build DIR | tlstrace lint -f -.",
		},
		{
			ID: idIgnore, Name: "unknown-ignore", Severity: Warning, Topic: TopicInput,
			Summary: "The annotation " + IgnoreAnnotation + " names a check that does not exist.",
			Explain: "A misspelt ID ignores nothing.",
			Fix:     "Correct it: tlstrace lint --list shows all IDs and names.",
		},
	}
}
