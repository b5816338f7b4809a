// Package network links a cluster's network namespace with the machine: a
// pair of virtual interfaces with a network of its own. The cluster has no
// other route, so that nothing of it leaves the machine.
package network

import (
	"fmt"
	"net/netip"
)

// Addresses that are the same in every cluster, because each has a network
// namespace of its own.
const (
	PodCIDR     = "10.244.0.0/16"
	ServiceCIDR = "10.96.0.0/16"
	// APIService is the first address of the service network, where the API
	// server puts its own service.
	APIService = "10.96.0.1"
	// DNSService is where a DNS service would be. There is none: pods use
	// the addresses of services, or the environment that the kubelet sets.
	DNSService = "10.96.0.10"
	// GatewayService is where the API server sends its audit events.
	GatewayService = "10.96.0.50"
)

// Links are 10.213.0.0/24 to 10.213.255.0/24: an unusual part of the private
// addresses, so that one is free on nearly every machine.
const links = 256

// Link is the network between the machine and one cluster.
type Link int

// Prefix is the link's network.
func (l Link) Prefix() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 213, byte(l), 0}), 24)
}

// Machine is the machine's address on the link.
func (l Link) Machine() netip.Addr { return netip.AddrFrom4([4]byte{10, 213, byte(l), 1}) }

// Node is the cluster's address on the link: its node's and API server's.
func (l Link) Node() netip.Addr { return netip.AddrFrom4([4]byte{10, 213, byte(l), 2}) }

// Interface is the name of the machine's end.
func (l Link) Interface() string { return fmt.Sprintf("tocsin%d", int(l)) }

// Choose returns a link that overlaps nothing in use. It starts at a number
// that follows from the name, so that a cluster usually gets the same
// addresses again.
func Choose(name string, used []netip.Prefix) (Link, error) {
	start := 0
	for _, c := range []byte(name) {
		start = start*31 + int(c)
	}
	for i := range links {
		link := Link((start + i) & (links - 1))
		if !overlapsAny(link.Prefix(), used) {
			return link, nil
		}
	}
	return 0, fmt.Errorf("no free network in 10.213.0.0/16 among the %d addresses and routes in use: see `ip -4 route`; `down` clusters that are not needed", len(used))
}

func overlapsAny(prefix netip.Prefix, used []netip.Prefix) bool {
	for _, other := range used {
		// A default route covers everything and clashes with nothing.
		if other.Bits() > 0 && prefix.Overlaps(other) {
			return true
		}
	}
	return false
}
