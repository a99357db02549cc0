package lint

// World holds the objects that were read, indexed. Slices and maps that it returns are shared: they must not be changed.
//
// The slices are sorted by namespace, then by age and name as Istio does to let the oldest win.
type World struct {
	Options Options
	Mesh    Mesh

	Namespaces      []*Namespace
	Workloads       []*Workload
	Pods            []*Pod // live, or pods in files
	Services        []*Service
	Secrets         []*Secret
	ConfigMaps      []*ConfigMap
	ServiceAccounts []*ServiceAccount

	PeerAuthentications   []*PeerAuthentication
	AuthorizationPolicies []*AuthorizationPolicy
	DestinationRules      []*DestinationRule
	ServiceEntries        []*ServiceEntry
	Gateways              []*Gateway
	VirtualServices       []*VirtualService
	Sidecars              []*Sidecar
	WorkloadEntries       []*WorkloadEntry
	Waypoints             []*Waypoint

	index    index
	reads    reads
	problems []Finding // of reading
	dropped  int       // of them
}
