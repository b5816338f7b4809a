package network

import (
	"net/netip"
	"testing"
)

func TestChoose(t *testing.T) {
	usual, err := Choose("tocsin", nil)
	if err != nil {
		t.Fatal(err)
	}
	half := netip.MustParsePrefix("10.213.0.0/17")
	for name, c := range map[string]struct {
		reason string
		used   []netip.Prefix
		wantOK func(Link) bool
	}{
		"nothing in use": {
			reason: "the same name gets the same addresses again",
			wantOK: func(l Link) bool { return l == usual },
		},
		"taken by another cluster": {
			reason: "the next free link is taken",
			used:   []netip.Prefix{usual.Prefix()},
			wantOK: func(l Link) bool { return l == (usual+1)%links },
		},
		"one address of it in use": {
			reason: "an interface's address is enough to clash",
			used:   []netip.Prefix{netip.PrefixFrom(usual.Node(), 32)},
			wantOK: func(l Link) bool { return l != usual },
		},
		"a wide route": {
			reason: "a route that covers many links rules all of them out",
			used:   []netip.Prefix{half},
			wantOK: func(l Link) bool { return !half.Contains(l.Node()) },
		},
		"a default route": {
			reason: "it covers everything and clashes with nothing",
			used:   []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
			wantOK: func(l Link) bool { return l == usual },
		},
	} {
		t.Run(name, func(t *testing.T) {
			link, err := Choose("tocsin", c.used)
			if err != nil {
				t.Fatal(err)
			}
			if !c.wantOK(link) {
				t.Errorf("chose %s although %s", link.Prefix(), c.reason)
			}
		})
	}
}

func TestChooseSaysWhenAllAreTaken(t *testing.T) {
	if link, err := Choose("tocsin", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); err == nil {
		t.Errorf("chose %s inside a network in use", link.Prefix())
	}
}

func TestRoutes(t *testing.T) {
	used, err := parseRoutes([]byte(`[
		{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},
		{"dst":"10.213.7.0/24","dev":"tocsin7"},
		{"type":"local","dst":"127.0.0.1","dev":"lo"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.213.7.0/24"), netip.MustParsePrefix("127.0.0.1/32")}
	if len(used) != len(want) || used[0] != want[0] || used[1] != want[1] {
		t.Errorf("got %v, want %v", used, want)
	}
}
