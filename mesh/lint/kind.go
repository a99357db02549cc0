package lint

import "slices"

// Kind is a kind of object that is read.
type Kind string

// The kinds that are read.
const (
	KindNamespace      Kind = "Namespace"
	KindPod            Kind = "Pod"
	KindReplicaSet     Kind = "ReplicaSet"
	KindDeployment     Kind = "Deployment"
	KindStatefulSet    Kind = "StatefulSet"
	KindDaemonSet      Kind = "DaemonSet"
	KindJob            Kind = "Job"
	KindCronJob        Kind = "CronJob"
	KindService        Kind = "Service"
	KindSecret         Kind = "Secret"
	KindConfigMap      Kind = "ConfigMap"
	KindServiceAccount Kind = "ServiceAccount"

	KindPeerAuthentication  Kind = "PeerAuthentication"
	KindAuthorizationPolicy Kind = "AuthorizationPolicy"
	KindDestinationRule     Kind = "DestinationRule"
	KindServiceEntry        Kind = "ServiceEntry"
	KindGateway             Kind = "Gateway" // networking.istio.io
	KindVirtualService      Kind = "VirtualService"
	KindSidecar             Kind = "Sidecar"
	KindWorkloadEntry       Kind = "WorkloadEntry"

	KindWaypoint Kind = "Gateway.gateway.networking.k8s.io" // the Gateway of the Gateway API
)

// The API groups of Istio and of the Gateway API, which come with CRDs that a cluster may lack.
const (
	groupSecurity   = "security.istio.io"
	groupNetworking = "networking.istio.io"
	groupGatewayAPI = "gateway.networking.k8s.io"
)

// api says under which names a kind is known.
type api struct {
	kind     Kind
	name     string // as in the kind of a manifest
	group    string
	versions []string // the preferred one first; all of them have one form of what is read
	resource string
	optional bool // comes with a CRD
	cluster  bool // has no namespace
}

// istioNetworking are the versions of networking.istio.io; v1 was added in Istio 1.22.
func istioNetworking() []string { return []string{"v1", "v1beta1", "v1alpha3"} }

// apis lists the kinds in the order in which they are read.
func apis() []api {
	v1, apps, batch, security := []string{"v1"}, []string{"v1"}, []string{"v1"}, []string{"v1", "v1beta1"}
	return []api{
		{kind: KindNamespace, name: "Namespace", versions: v1, resource: "namespaces", cluster: true},
		{kind: KindServiceAccount, name: "ServiceAccount", versions: v1, resource: "serviceaccounts"},
		{kind: KindService, name: "Service", versions: v1, resource: "services"},
		{kind: KindConfigMap, name: "ConfigMap", versions: v1, resource: "configmaps"},
		{kind: KindSecret, name: "Secret", versions: v1, resource: "secrets"},
		{kind: KindDeployment, name: "Deployment", group: "apps", versions: apps, resource: "deployments"},
		{kind: KindStatefulSet, name: "StatefulSet", group: "apps", versions: apps, resource: "statefulsets"},
		{kind: KindDaemonSet, name: "DaemonSet", group: "apps", versions: apps, resource: "daemonsets"},
		{kind: KindReplicaSet, name: "ReplicaSet", group: "apps", versions: apps, resource: "replicasets"},
		{kind: KindJob, name: "Job", group: "batch", versions: batch, resource: "jobs"},
		{kind: KindCronJob, name: "CronJob", group: "batch", versions: batch, resource: "cronjobs"},
		{kind: KindPod, name: "Pod", versions: v1, resource: "pods"},
		{kind: KindPeerAuthentication, name: "PeerAuthentication", group: groupSecurity, versions: security,
			resource: "peerauthentications", optional: true},
		{kind: KindAuthorizationPolicy, name: "AuthorizationPolicy", group: groupSecurity, versions: security,
			resource: "authorizationpolicies", optional: true},
		istioAPI(KindDestinationRule, "destinationrules"),
		istioAPI(KindServiceEntry, "serviceentries"),
		istioAPI(KindGateway, "gateways"),
		istioAPI(KindVirtualService, "virtualservices"),
		istioAPI(KindSidecar, "sidecars"),
		istioAPI(KindWorkloadEntry, "workloadentries"),
		{kind: KindWaypoint, name: "Gateway", group: groupGatewayAPI, versions: []string{"v1", "v1beta1"},
			resource: "gateways", optional: true},
	}
}

func istioAPI(kind Kind, resource string) api {
	return api{
		kind: kind, name: string(kind), group: groupNetworking, versions: istioNetworking(), resource: resource, optional: true,
	}
}

// template says whether the kind holds pods: parts of it are dropped while reading.
func (a *api) template() bool {
	return a.kind == KindPod || a.group == "apps" || a.group == "batch"
}

// kindsByName finds a kind by group and name.
type kindsByName map[[2]string]*api

func newKindsByName() kindsByName {
	all := apis()
	byName := make(kindsByName, len(all))
	for i := range all {
		byName[[2]string{all[i].group, all[i].name}] = &all[i]
	}
	return byName
}

func (a *api) knows(version string) bool { return slices.Contains(a.versions, version) }

// path is the API server's path of the kind, in all namespaces for "".
func (a *api) path(version, namespace string) string {
	base := "/apis/" + a.group + "/" + version
	if a.group == "" {
		base = "/api/" + version
	}
	if namespace != "" && !a.cluster {
		base += "/namespaces/" + namespace
	}
	return base + "/" + a.resource
}
