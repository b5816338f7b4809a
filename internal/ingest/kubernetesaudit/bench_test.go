package kubernetesaudit

import "testing"

// BenchmarkCheck is what every audit event costs, alert or not.
func BenchmarkCheck(b *testing.B) {
	d := decoder(b, Threats()...)
	for name, event := range map[string]string{
		"read":   request("system:serviceaccount:kube-system:x", "get", "pods", "shop", "cart-0"),
		"create": request(person, "create", "pods", "shop", "", "requestObject", pod(`{"containers": [{"image": "nginx"}]}`)),
		"exec":   request(person, "create", "pods/exec", "shop", "cart-0"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Check([]byte(event)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
