package preflight

import (
	"os/exec"
	"strings"
	"testing"
)

func TestWhatIsMissingIsSaidInOneLine(t *testing.T) {
	onlyMount := func(name string) (string, error) {
		if name == "mount" {
			return "/bin/mount", nil
		}
		return "", exec.ErrNotFound
	}
	got := explain(missingPrograms(onlyMount))
	for _, want := range []string{"missing containerd, ctr, runc, nft", "apt-get install", " conntrack containerd"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if strings.Contains(got, "\n") || strings.Count(got, "containerd") != 2+strings.Count(got, "/containerd") {
		t.Errorf("want one line that names each package once, got %q", got)
	}
}
