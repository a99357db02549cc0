package cluster

import (
	"cmp"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Service is what a test says about a service.
type Service struct {
	Namespace, Name string
	ClusterIP       string // given by the API server; "None" makes it headless
	Port            int32  // 443
	TargetPort      int32  // 8443
	Pods            []*corev1.Pod
}

// Service creates a service and, as the endpoint slice controller would, an EndpointSlice with its pods.
func (c *Cluster) Service(t testing.TB, s Service) *corev1.Service {
	t.Helper()
	s.Namespace = cmp.Or(s.Namespace, "default")
	s.Port, s.TargetPort = cmp.Or(s.Port, 443), cmp.Or(s.TargetPort, 8443)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: corev1.ServiceSpec{ClusterIP: s.ClusterIP, Selector: map[string]string{"app": s.Name},
			Ports: []corev1.ServicePort{{Name: "https", Port: s.Port, TargetPort: intstr.FromInt32(s.TargetPort)}}},
	}
	service, err := c.Client.CoreV1().Services(s.Namespace).Create(t.Context(), service, metav1.CreateOptions{})
	must(t, err)
	_, err = c.Client.DiscoveryV1().EndpointSlices(s.Namespace).Create(t.Context(), s.slice(service), metav1.CreateOptions{})
	must(t, err)
	return service
}

func (s Service) slice(service *corev1.Service) *discoveryv1.EndpointSlice {
	name, ready := "https", true
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: s.Name + "-" + hash(s.Name, 0)[:5],
			Labels: map[string]string{
				discoveryv1.LabelServiceName: s.Name,
				discoveryv1.LabelManagedBy:   "endpointslice-controller.k8s.io",
			},
			OwnerReferences: []metav1.OwnerReference{owner("v1", "Service", s.Name, service.UID)},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &s.TargetPort}},
	}
	for _, p := range s.Pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{p.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			NodeName:   &p.Spec.NodeName,
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
		})
	}
	return slice
}

// Node creates a node that is ready and has addresses (InternalIP).
func (c *Cluster) Node(t testing.TB, name string, ips ...string) *corev1.Node {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, ip := range ips {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	node, err := c.Client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	must(t, err)
	return node
}

// Namespace creates a namespace. It cannot be removed again: that is the work of a controller. Take another name for each test.
func (c *Cluster) Namespace(t testing.TB, name string, labels map[string]string) *corev1.Namespace {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	namespace, err := c.Client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	must(t, err)
	return namespace
}
