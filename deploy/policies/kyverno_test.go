package policies

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/tlstrace/tlstrace/test/cluster"
)

// binding is what is read of an object that says where parameters come from.
type binding struct {
	Name, Namespace         string
	ParameterNotFoundAction string
}

// expressions are what a policy judges by, in either of the two forms.
type expressions struct {
	Conditions, Variables, Validations any
	FailurePolicy                      string
	ParamKind                          any
	Parameters                         binding
}

// TestKyvernoSaysTheSame compares the policies of Kyverno with those that TestAdmission tries, word for word.
func TestKyvernoSaysTheSame(t *testing.T) {
	for _, name := range policyNames {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(admissionExpressions(t, name), kyvernoExpressions(t, name)); diff != "" {
				t.Errorf("admission and kyverno differ (-admission +kyverno):\n%s", diff)
			}
		})
	}
}

func admissionExpressions(t *testing.T, name string) expressions {
	t.Helper()
	var policy struct {
		Spec struct {
			FailurePolicy                                      string
			ParamKind, MatchConditions, Variables, Validations any
		}
	}
	read(t, filepath.Join("admission", name+".yaml"), &policy)
	e := expressions{Conditions: policy.Spec.MatchConditions, Variables: policy.Spec.Variables, Validations: policy.Spec.Validations,
		FailurePolicy: policy.Spec.FailurePolicy, ParamKind: policy.Spec.ParamKind}
	for _, b := range bindings(t, "enforce.yaml") {
		if b.Spec.PolicyName == "tlstrace-"+name {
			e.Parameters = b.Spec.ParamRef
		}
	}
	return e
}

func kyvernoExpressions(t *testing.T, name string) expressions {
	t.Helper()
	var policy struct {
		Spec struct {
			WebhookConfiguration struct{ FailurePolicy string }
			Rules                []struct {
				CELPreconditions any
				Validate         struct {
					CEL struct {
						ParamKind              any
						ParamRef               binding
						Variables, Expressions any
					}
				}
			}
		}
	}
	read(t, filepath.Join("kyverno", name+".yaml"), &policy)
	rule := policy.Spec.Rules[0]
	cel := rule.Validate.CEL
	return expressions{rule.CELPreconditions, cel.Variables, cel.Expressions, policy.Spec.WebhookConfiguration.FailurePolicy, cel.ParamKind, cel.ParamRef}
}

// bindingObject is what is read of a ValidatingAdmissionPolicyBinding.
type bindingObject struct {
	Spec struct {
		PolicyName        string
		ValidationActions []string
		ParamRef          binding
	}
}

func bindings(t *testing.T, file string) []bindingObject {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("bindings", file))
	if err != nil {
		t.Fatal(err)
	}
	var all []bindingObject
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var b bindingObject
		if err := yaml.Unmarshal([]byte(document), &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// TestBindingsDifferInTheActionOnly keeps the trial true to what follows it.
func TestBindingsDifferInTheActionOnly(t *testing.T) {
	enforce, audit := bindings(t, "enforce.yaml"), bindings(t, "audit.yaml")
	for i := range enforce {
		if got := strings.Join(enforce[i].Spec.ValidationActions, " "); got != "Deny" {
			t.Errorf("enforce.yaml does %s", got)
		}
		enforce[i].Spec.ValidationActions = []string{"Warn", "Audit"}
	}
	if diff := cmp.Diff(enforce, audit); diff != "" || len(audit) != len(policyNames) {
		t.Errorf("%d bindings; (-enforce +audit):\n%s", len(audit), diff)
	}
}

// TestKyvernoSchema checks the structure: a field that Kyverno does not know would be dropped, and the rule with it.
func TestKyvernoSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "clusterpolicy.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range policyNames {
		var policy map[string]any
		read(t, filepath.Join("kyverno", name+".yaml"), &policy)
		if err := schema.Validate(policy); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rule := policy["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any)
		rule["celPrecondition"] = rule["celPreconditions"]
		if schema.Validate(policy) == nil {
			t.Errorf("%s: the schema accepts a misspelt field", name)
		}
	}
}

// TestKyverno has Kyverno itself judge the objects of all cases. TLSTRACE_KYVERNO names its command line, which reads the objects
// and the parameters from the API server as Kyverno's background scan does.
func TestKyverno(t *testing.T) {
	program := os.Getenv("TLSTRACE_KYVERNO")
	if program == "" {
		t.Skip("TLSTRACE_KYVERNO does not name Kyverno's command line")
	}
	c := newMesh(t)
	for _, name := range policyNames {
		for i, test := range cases[name]() {
			test.object.SetName(fmt.Sprintf("%s-%d", name, i))
			if _, err := c.Create(t.Context(), test.object); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		t.Run(name, func(t *testing.T) {
			said := judge(t, program, c, name)
			for i, test := range cases[name]() {
				got, ok := said[fmt.Sprintf("%s-%d", name, i)]
				if !ok || got != test.want {
					t.Errorf("%s: got  %q\nwant %q", test.name, got, test.want)
				}
			}
		})
	}
}

// judge returns what Kyverno says about each object: nothing if it is accepted, the message if not.
func judge(t *testing.T, program string, c *cluster.Cluster, policy string) map[string]string {
	t.Helper()
	cmd := exec.Command(program, "apply", filepath.Join("kyverno", policy+".yaml"), "--cluster", "--kubeconfig", c.Kubeconfig,
		"--policy-report", "--output-format", "json", "--remove-color")
	out, _ := cmd.Output() // it fails when a rule does, which is the purpose
	_, report, found := strings.Cut(string(out), "\n{")
	if !found {
		t.Fatalf("%s wrote no report:\n%s", program, out)
	}
	var list struct {
		Results []struct {
			Result, Message string
			Resources       []struct{ Name string }
		}
	}
	if err := json.NewDecoder(strings.NewReader("{" + report)).Decode(&list); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	said := map[string]string{}
	for _, r := range list.Results {
		message := r.Message
		if r.Result == "pass" {
			message = ""
		}
		for _, o := range r.Resources {
			said[o.Name] = message
		}
	}
	return said
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
