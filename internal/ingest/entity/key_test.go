package entity

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

const (
	short  = "5892b41bcf46"
	long   = "5892b41bcf46aabbccddeeff00112233445566778899aabbccddeeff00112233"
	sha    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	noName = ""
)

// result lets a table hold what a constructor returned.
func result(key model.Key, ok bool) string {
	if !ok {
		return noName
	}
	return key.String()
}

func TestKeys(t *testing.T) {
	for name, tc := range map[string]struct{ got, want string }{
		"pod":                              {result(Pod("shop", "cart-0")), "Pod/shop/cart-0"},
		"pod without namespace":            {result(Pod("", "cart-0")), noName},
		"pod Falco does not know":          {result(Pod("<NA>", "<NA>")), noName},
		"pod with a slash":                 {result(Pod("shop", "a/b")), noName},
		"unresolved field":                 {result(User("%user.name")), noName},
		"workload":                         {result(Workload("shop", "Deployment", "cart")), "Workload/shop/Deployment/cart"},
		"short container id":               {result(Container(short)), "Container/" + short},
		"long container id":                {result(Container(long)), "Container/" + short},
		"container id with its runtime":    {result(Container("containerd://" + long)), "Container/" + short},
		"container id in capitals":         {result(Container(strings.ToUpper(long))), "Container/" + short},
		"no container":                     {result(Container("host")), noName},
		"container id too short":           {result(Container("5892b41b")), noName},
		"node in capitals":                 {result(Node("TestServer4")), "Node/testserver4"},
		"node with final dot":              {result(Node("node-1.example.com.")), "Node/node-1.example.com"},
		"every machine is localhost":       {result(Node("localhost")), noName},
		"service account":                  {result(Identity("system:serviceaccount:shop:cart")), "ServiceAccount/shop/cart"},
		"malformed service account":        {result(Identity("system:serviceaccount:shop")), noName},
		"node identity":                    {result(Identity("system:node:Worker-1")), "Node/worker-1"},
		"person":                           {result(Identity("kubernetes-admin")), "User/kubernetes-admin"},
		"mail addresses ignore case":       {result(Identity("John.Doe@Example.com")), "User/john.doe@example.com"},
		"anonymous":                        {result(Identity("system:anonymous")), "User/system:anonymous"},
		"local user":                       {result(LocalUser("Node1", "ahmed")), `User/node1\ahmed`},
		"root is everywhere":               {result(LocalUser("node1", "root")), noName},
		"local user of no host":            {result(LocalUser("", "ahmed")), noName},
		"address":                          {result(IP("203.0.113.7")), "IP/203.0.113.7"},
		"mapped address":                   {result(IP("::ffff:203.0.113.7")), "IP/203.0.113.7"},
		"long IPv6 address":                {result(IP("2001:db8:0:0:0:0:0:1")), "IP/2001:db8::1"},
		"zone":                             {result(IP("fe80::1%eth0")), "IP/fe80::1"},
		"loopback tells nothing":           {result(IP("127.0.0.1")), noName},
		"unspecified tells nothing":        {result(IP("0.0.0.0")), noName},
		"not an address":                   {result(IP("somewhere")), noName},
		"domain":                           {result(Domain("Evil.Example.COM.")), "DomainName/evil.example.com"},
		"file of a container":              {result(Scoped(model.KindFile, short, "/etc/shadow")), "File/" + short + ":/etc/shadow"},
		"file of nowhere":                  {result(Scoped(model.KindFile, "", "/etc/shadow")), "File//etc/shadow"},
		"image by digest":                  {result(Image("nginx", "1.27", sha)), "Image/" + sha},
		"image by digest in the reference": {result(ImageReference("nginx@" + sha)), "Image/" + sha},
		"image by tag":                     {result(Image("docker.io/library/nginx", "1.27", "")), "Image/nginx:1.27"},
		"image without tag":                {result(ImageReference("nginx")), "Image/nginx:latest"},
		"image with a port":                {result(ImageReference("registry:5000/team/app")), "Image/registry:5000/team/app:latest"},
		"image with port and tag":          {result(ImageReference("registry:5000/team/app:v2")), "Image/registry:5000/team/app:v2"},
		"malformed digest":                 {result(Image("nginx", "1", "sha256:zz")), "Image/nginx:1"},
		"no image":                         {result(Image("<NA>", "<NA>", "")), noName},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
}

func TestConnection(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1:43210->203.0.113.7:443":                     "10.0.0.1->203.0.113.7",
		"[2001:db8::1]:43210->[2001:db8::2]:443":              "2001:db8::1->2001:db8::2",
		"2001:db8:0:0:0:0:0:1:43210->2001:db8:0:0:0:0:0:2:53": "2001:db8::1->2001:db8::2",
		"::ffff:10.0.0.1:43210->203.0.113.7:443":              "10.0.0.1->203.0.113.7",
		"/etc/shadow":                                         "/etc/shadow",
		"a->b":                                                "a->b",
		"10.0.0.1:1->":                                        "10.0.0.1:1->",
	} {
		if got := WithoutPorts(in); got != want {
			t.Errorf("WithoutPorts(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestListIsBoundedAndUnique(t *testing.T) {
	var list List
	list.Asset(model.RoleAttacked)(Pod("shop", "cart-0"))
	list.Evidence(model.RoleContextual)(Pod("shop", "cart-0"))
	list.Asset(model.RoleAttacked)(Pod("", ""))
	if len(list.Items()) != 1 || list.Items()[0].Role != model.RoleAttacked {
		t.Errorf("the first mention decides: %v", list.Items())
	}
	for i := range 2 * MaxNamed {
		list.Evidence(model.RoleSource)(New(model.KindUser, fmt.Sprint("user-", i)))
	}
	if len(list.Items()) != MaxNamed {
		t.Errorf("%d entities were told apart, want %d", len(list.Items()), MaxNamed)
	}
}

func FuzzKeys(f *testing.F) {
	for _, seed := range []string{short, "docker://" + long, "a->b", "[::1]:5", "x@sha256:1", "system:node:", "\xff/\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, key := range []string{
			result(Pod(s, s)), result(Container(s)), result(Node(s)), result(Identity(s)), result(LocalUser(s, s)),
			result(IP(s)), result(Domain(s)), result(ImageReference(s)), result(Scoped(model.KindFile, s, s)),
		} {
			if !utf8.ValidString(key) || len(key) > MaxName+len("ServiceAccount/") || strings.ContainsAny(key, "\x00\n\x1b") {
				t.Errorf("%q became %q", s, key)
			}
		}
		WithoutPorts(s)
	})
}
