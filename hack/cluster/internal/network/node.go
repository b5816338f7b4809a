package network

import (
	"context"
	"fmt"
	"os"
)

// nodeInterface is the name of the cluster's end.
const nodeInterface = "eth0"

// settings of the cluster's network namespace.
var settings = map[string]string{
	// Pods are routed, not bridged, so that each packet passes the forward hook.
	"/proc/sys/net/ipv4/ip_forward": "1",
	// Everything here speaks IPv4; what could be reached by an automatic
	// IPv6 address would pass by the rules of network policies.
	"/proc/sys/net/ipv6/conf/all/disable_ipv6":     "1",
	"/proc/sys/net/ipv6/conf/default/disable_ipv6": "1",
}

// SetUpNode sets up the cluster's end of the link. It runs in the cluster's
// network namespace.
func (l Link) SetUpNode(ctx context.Context) error {
	for path, value := range settings {
		err := os.WriteFile(path, []byte(value), 0)
		if err != nil && !os.IsNotExist(err) { // a kernel without IPv6 lacks the file
			return fmt.Errorf("setting %s: %w", path, err)
		}
	}
	return ip(ctx,
		"link set lo up",
		"addr add "+l.Node().String()+"/24 dev "+nodeInterface,
		"link set "+nodeInterface+" up",
		// kube-proxy rewrites a service's address only after the kernel has
		// found a route for it; the route itself leads nowhere.
		"route add "+ServiceCIDR+" dev "+nodeInterface,
	)
}
