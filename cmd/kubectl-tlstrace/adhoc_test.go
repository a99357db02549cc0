package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestAdHocPodMayWhatTheChartMay reads the manifest that is rendered from the chart.
func TestAdHocPodMayWhatTheChartMay(t *testing.T) {
	text, err := os.ReadFile("../../deploy/manifests/tlstrace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var chart *appsv1.DaemonSet
	for _, document := range strings.Split(string(text), "\n---\n") {
		var d appsv1.DaemonSet
		if yaml.Unmarshal([]byte(document), &d) == nil && d.Kind == "DaemonSet" {
			chart = &d
		}
	}
	if chart == nil {
		t.Fatal("the manifest has no DaemonSet")
	}
	f := adHocFlags{node: "n", namespace: "kube-system", image: "i", deadline: time.Minute}
	ours, theirs := f.pod("kube-system").Spec, chart.Spec.Template.Spec
	if diff := cmp.Diff(theirs.Containers[0].SecurityContext, ours.Containers[0].SecurityContext); diff != "" {
		t.Errorf("security context (-chart +ad hoc):\n%s", diff)
	}
	volumes := map[string]corev1.Volume{}
	for _, v := range theirs.Volumes {
		volumes[v.Name] = v
	}
	for _, v := range ours.Volumes {
		if diff := cmp.Diff(volumes[v.Name], v); diff != "" {
			t.Errorf("volume %s (-chart +ad hoc):\n%s", v.Name, diff)
		}
	}
	if ours.HostPID != theirs.HostPID || ours.HostNetwork != theirs.HostNetwork {
		t.Error("namespaces of the node differ")
	}
	if ours.ActiveDeadlineSeconds == nil || *ours.ActiveDeadlineSeconds != 60 || ours.RestartPolicy != corev1.RestartPolicyNever {
		t.Errorf("nothing ends the pod if nobody removes it: %+v", ours)
	}
	if ours.AutomountServiceAccountToken == nil || *ours.AutomountServiceAccountToken {
		t.Error("it has a token that it does not need")
	}
}
