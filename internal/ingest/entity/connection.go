package entity

import (
	"net/netip"
	"strings"
)

// Connection reads "source:port->destination:port" as Falco writes a socket,
// for IPv4 and for IPv6 with or without brackets.
func Connection(name string) (source, destination string, ok bool) {
	left, right, found := strings.Cut(name, "->")
	if !found {
		return "", "", false
	}
	source, ok = host(left)
	if !ok {
		return "", "", false
	}
	destination, ok = host(right)
	return source, destination, ok
}

func host(endpoint string) (string, bool) {
	endpoint = strings.TrimSpace(endpoint)
	if parsed, err := netip.ParseAddrPort(endpoint); err == nil {
		return parsed.Addr().Unmap().String(), true
	}
	// Falco writes IPv6 without brackets: the last group is the port.
	if colon := strings.LastIndexByte(endpoint, ':'); colon > 0 {
		if addr, err := netip.ParseAddr(endpoint[:colon]); err == nil {
			return addr.Unmap().String(), true
		}
	}
	return "", false
}

// WithoutPorts returns a file name or a socket without what changes from one
// connection to the next, for use in fingerprints.
func WithoutPorts(name string) string {
	if source, destination, ok := Connection(name); ok {
		return source + "->" + destination
	}
	return name
}
