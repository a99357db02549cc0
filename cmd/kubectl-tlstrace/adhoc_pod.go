package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The labels of ad hoc pods. They are none of the chart's agents.
const (
	adHocName = "tlstrace-ad-hoc"
	adHocPort = 9499
)

// pod is the agent of one node for as long as watch runs. What it may touch is what the chart's privileged agent may; it has no
// service account, and listens on its own loopback address only, where port-forward ends.
func (f *adHocFlags) pod(namespace string) *corev1.Pod {
	no, yes, grace := false, true, int64(5)
	deadline := int64(f.deadline / time.Second)
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: adHocName + "-", Namespace: namespace,
			Labels: map[string]string{
				"app.kubernetes.io/name": adHocName, "app.kubernetes.io/managed-by": "kubectl-tlstrace",
				"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none",
			},
		},
		Spec: corev1.PodSpec{
			NodeName:                      f.node, // past the scheduler, so that a full or cordoned node can be looked at
			RestartPolicy:                 corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         &deadline, // if nobody is left to remove it
			TerminationGracePeriodSeconds: &grace,
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			HostPID:                       true,
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "agent", Image: f.image, ImagePullPolicy: corev1.PullIfNotPresent,
				Args:  []string{"agent", "--listen", "127.0.0.1:9499", "--kubernetes", "off", "--node", f.node},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: adHocPort, Protocol: corev1.ProtocolTCP}},
				// As deploy/chart has it for securityContext.privileged=true, which works on every node.
				SecurityContext: &corev1.SecurityContext{
					RunAsUser: new(int64), RunAsGroup: new(int64), ReadOnlyRootFilesystem: &yes, Privileged: &yes,
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "cgroup", MountPath: "/sys/fs/cgroup", ReadOnly: true},
					{Name: "security", MountPath: "/sys/kernel/security", ReadOnly: true},
				},
			}},
			Volumes: []corev1.Volume{hostPath("cgroup", "/sys/fs/cgroup"), hostPath("security", "/sys/kernel/security")},
		},
	}
}

func hostPath(name, path string) corev1.Volume {
	kind := corev1.HostPathDirectory
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}}}
}
