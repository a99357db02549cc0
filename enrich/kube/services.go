package kube

import (
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// maxServices bounds the services that are known; Kubernetes promises to work with 10,000.
const maxServices = 32768

// service is what is kept of a Service.
type service struct {
	namespace, name text
	created         time.Time
}

type serviceKey struct{ namespace, name text }

// services knows all services by their cluster IPs, which an event has if it was seen before the address was translated. Addresses
// of load balancers and external IPs are left out: whoever may create a Service can claim any. It is the store of a reflector.
type services struct {
	mu        sync.RWMutex
	byAddress map[netip.Addr]service
	byName    map[serviceKey][]netip.Addr
	refused   uint64 // services beyond maxServices
}

func newServices() *services {
	return &services{byAddress: map[netip.Addr]service{}, byName: map[serviceKey][]netip.Addr{}}
}

// Add is called by the reflector, as the methods below.
func (s *services) Add(obj any) error { return s.Update(obj) }

// Update replaces what is known of a service.
func (s *services) Update(obj any) error {
	if o, ok := obj.(*corev1.Service); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.set(o)
	}
	return nil
}

// Delete forgets a service.
func (s *services) Delete(obj any) error {
	if o, ok := obj.(*corev1.Service); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(serviceKey{intern(o.Namespace), intern(o.Name)})
	}
	return nil
}

// Replace takes the answer to a list.
func (s *services) Replace(objects []any, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byAddress)
	clear(s.byName)
	for _, obj := range objects {
		if o, ok := obj.(*corev1.Service); ok {
			s.set(o)
		}
	}
	return nil
}

// Resync has nothing to do.
func (s *services) Resync() error { return nil }

func (s *services) set(o *corev1.Service) {
	key := serviceKey{intern(o.Namespace), intern(o.Name)}
	s.remove(key)
	if len(s.byName) >= maxServices {
		s.refused++
		return
	}
	var all []netip.Addr
	for _, ip := range o.Spec.ClusterIPs[:min(len(o.Spec.ClusterIPs), maxAddresses)] { // "None" is no address
		if addr, err := netip.ParseAddr(ip); err == nil {
			s.byAddress[addr.Unmap()] = service{namespace: key.namespace, name: key.name, created: o.CreationTimestamp.Time}
			all = append(all, addr.Unmap())
		}
	}
	if all != nil {
		s.byName[key] = all
	}
}

func (s *services) remove(key serviceKey) {
	for _, addr := range s.byName[key] {
		if of := s.byAddress[addr]; of.namespace == key.namespace && of.name == key.name {
			delete(s.byAddress, addr)
		}
	}
	delete(s.byName, key)
}

// at returns the service that had a cluster IP at a time, and whether one has it now.
func (s *services) at(addr netip.Addr, at time.Time) (found service, named, held bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, held = s.byAddress[addr]
	return found, held && !at.Before(found.created), held
}
