package entity

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		kind model.EntityKind
		name string
		want string // empty for none
	}{
		{model.KindPod, "shop/cart-0", "Pod/shop/cart-0"},
		{model.KindPod, "cart-0", ""},
		{model.KindPod, "shop/cart/0", ""},
		{model.KindSecret, "shop/tls", "Secret/shop/tls"},
		{model.KindServiceAccount, "shop/cart", "ServiceAccount/shop/cart"},
		{model.KindServiceAccount, "system:serviceaccount:shop:cart", "ServiceAccount/shop/cart"},
		{model.KindWorkload, "shop/Deployment/cart", "Workload/shop/Deployment/cart"},
		{model.KindWorkload, "shop/cart", ""},
		{model.KindContainer, "containerd://EE97D9C4186F0000", "Container/ee97d9c4186f"},
		{model.KindImage, "docker.io/library/alpine", "Image/alpine:latest"},
		{model.KindNode, "Worker-1.", "Node/worker-1"},
		{model.KindNode, "localhost", ""},
		{model.KindNamespace, "shop", "Namespace/shop"},
		{model.KindCluster, "prod", "Cluster/prod"},
		{model.KindUser, "Jane@Example.com", "User/jane@example.com"},
		{model.KindUser, "system:node:worker-1", "Node/worker-1"},
		{model.KindDevice, "Laptop-7", "Device/laptop-7"},
		{model.KindDevice, "N/A", ""},
		{model.KindMailbox, "Info@Example.com", "Mailbox/info@example.com"},
		{model.KindProcess, "/usr/bin/nc", "Process//usr/bin/nc"},
		{model.KindFile, "web-1:/etc/shadow", "File/web-1:/etc/shadow"},
		{model.KindIP, "[2001:DB8::1]", "IP/2001:db8::1"},
		{model.KindIP, "127.0.0.1", ""},
		{model.KindIP, "web-1", ""},
		{model.KindDomainName, "Example.COM.", "DomainName/example.com"},
		{model.KindURL, "https://jane:secret@Example.com/a?b=c#d", "URL/https://example.com/a?b=c"},
		{model.KindURL, "/a", ""},
		{model.KindURL, "https://example.com/" + strings.Repeat("a", 4*MaxName), ""},
		{model.KindMailMessage, "<1@example.com>", "MailMessage/<1@example.com>"},
		{model.KindCloudResource, "arn:aws:s3:::bucket", "CloudResource/arn:aws:s3:::bucket"},
		{model.KindCloudResource, "", ""},
		{"Spaceship", "x", ""},
	} {
		key, ok := Of(tc.kind, tc.name)
		if got := key.String(); ok != (tc.want != "") || ok && got != tc.want {
			t.Errorf("%s %q: got %q, %t; want %q", tc.kind, tc.name, got, ok, tc.want)
		}
	}
}

func TestCategoryOf(t *testing.T) {
	for kind, want := range map[model.EntityKind]model.Category{
		model.KindPod: model.CategoryAsset, model.KindUser: model.CategoryAsset, model.KindSecret: model.CategoryAsset,
		model.KindIP: model.CategoryEvidence, model.KindImage: model.CategoryEvidence, model.KindFile: model.CategoryEvidence,
	} {
		if got := CategoryOf(kind); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}
