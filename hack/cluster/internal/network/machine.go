package network

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

// InUse returns the networks that the machine has routes to.
func InUse(ctx context.Context) ([]netip.Prefix, error) {
	out, err := exec.CommandContext(ctx, "ip", "-json", "-4", "route", "show", "table", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("listing routes with `ip -4 route`: %w", err)
	}
	return parseRoutes(out)
}

func parseRoutes(out []byte) ([]netip.Prefix, error) {
	var routes []struct {
		Dst string `json:"dst"`
	}
	if err := json.Unmarshal(out, &routes); err != nil {
		return nil, fmt.Errorf("reading the routes that `ip` lists: %w", err)
	}
	var used []netip.Prefix
	for _, route := range routes {
		if route.Dst == "default" {
			continue
		}
		if !strings.Contains(route.Dst, "/") {
			route.Dst += "/32"
		}
		prefix, err := netip.ParsePrefix(route.Dst)
		if err != nil {
			return nil, fmt.Errorf("reading the routes that `ip` lists: %w", err)
		}
		used = append(used, prefix)
	}
	return used, nil
}

// Connect makes the link between the machine and the network namespace of a
// process. The kernel removes both ends when that namespace ends.
func (l Link) Connect(ctx context.Context, pid int) error {
	return ip(ctx,
		"link add "+l.Interface()+" type veth peer name "+nodeInterface+" netns "+strconv.Itoa(pid),
		"addr add "+l.Machine().String()+"/24 dev "+l.Interface(),
		"link set "+l.Interface()+" up",
	)
}

// Disconnect removes the machine's end, if there is one: the kernel takes its
// time to do so by itself.
func (l Link) Disconnect(ctx context.Context) error {
	if _, err := net.InterfaceByName(l.Interface()); err != nil {
		return nil
	}
	err := ip(ctx, "link del "+l.Interface())
	if _, gone := net.InterfaceByName(l.Interface()); gone != nil {
		return nil
	}
	return err
}

// ip runs iproute2 commands.
func ip(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		out, err := exec.CommandContext(ctx, "ip", strings.Fields(command)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("`ip %s`: %w: %s", command, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
