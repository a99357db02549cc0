package cluster

import (
	"crypto/sha256"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Container is what a test says about a container; the rest is made up as kubelet would.
type Container struct {
	Name  string // "app"
	Image string // "registry.example/NAME:1.0"
	// ID is what the runtime calls it. Without a scheme it is containerd's; the default is made up, 64 hexadecimal digits.
	ID    string
	Ports []corev1.ContainerPort
	// Restarts makes a container in Pod.Init a native sidecar: restartPolicy Always (Kubernetes 1.29, KEP-753).
	Restarts bool
}

// Proxy is Istio's sidecar. Put it into Pod.Containers, or with Restarts into Pod.Init as a native sidecar.
func Proxy(image string) Container {
	return Container{Name: "istio-proxy", Image: image, Ports: []corev1.ContainerPort{
		{Name: "http-envoy-prom", ContainerPort: 15090, Protocol: corev1.ProtocolTCP}}}
}

func (c Container) spec() corev1.Container {
	s := corev1.Container{Name: c.name(), Image: c.Image, Ports: c.Ports}
	if s.Image == "" {
		s.Image = "registry.example/" + s.Name + ":1.0"
	}
	if c.Restarts {
		always := corev1.ContainerRestartPolicyAlways
		s.RestartPolicy = &always
	}
	return s
}

func (c Container) name() string {
	if c.Name == "" {
		return "app"
	}
	return c.Name
}

// id is unique to the container of a pod.
func (c Container) id(pod *corev1.Pod) string {
	switch {
	case strings.Contains(c.ID, "://"):
		return c.ID
	case c.ID != "":
		return "containerd://" + c.ID
	}
	return fmt.Sprintf("containerd://%x", sha256.Sum256([]byte(string(pod.UID)+c.name())))
}

// status is what kubelet reports in a phase of the pod.
func (c Container) status(pod *corev1.Pod, phase corev1.PodPhase, started metav1.Time) corev1.ContainerStatus {
	spec := c.spec()
	s := corev1.ContainerStatus{Name: spec.Name, Image: spec.Image}
	if phase == corev1.PodPending {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		return s
	}
	s.ContainerID, s.ImageID = c.id(pod), spec.Image+"@sha256:"+strings.Repeat("0", 64)
	if phase == corev1.PodRunning {
		running := true
		s.Ready, s.Started = true, &running
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: started}
		return s
	}
	end := &corev1.ContainerStateTerminated{ContainerID: s.ContainerID, StartedAt: started, FinishedAt: metav1.Now(), Reason: "Completed"}
	if phase == corev1.PodFailed {
		end.ExitCode, end.Reason = 1, "Error"
	}
	s.State.Terminated = end
	return s
}

// initStatus is the status of an init container: it has ended when the pod runs, unless it is a native sidecar.
func (c Container) initStatus(pod *corev1.Pod, phase corev1.PodPhase, started metav1.Time) corev1.ContainerStatus {
	if !c.Restarts && phase != corev1.PodPending {
		phase = corev1.PodSucceeded
	}
	return c.status(pod, phase, started)
}
