package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/tocsin-dev/tocsin/test/story"
)

const operatorUser = "system:serviceaccount:" + story.System + ":tocsin"

// auditLog returns the API server's audit log of the local cluster.
func auditLog(t *testing.T, w *story.World) *os.File {
	t.Helper()
	if !w.Local() {
		t.Skip("the audit log of an existing cluster is not here")
	}
	file, err := os.Open(filepath.Join(w.State, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// requests reads what Tocsin asked of the API server.
func requests(t *testing.T, from io.Reader) []auditv1.Event {
	t.Helper()
	var found []auditv1.Event
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF { // what follows the last line feed is still being written
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(line, operatorUser) {
			continue
		}
		var e auditv1.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		// A watch does not complete.
		done := e.Stage == auditv1.StageResponseComplete || e.Verb == "watch" && e.Stage == auditv1.StageResponseStarted
		if e.User.Username == operatorUser && done && e.ObjectRef != nil {
			found = append(found, e)
		}
	}
}

// resource names what a request is about, with its subresource.
func resource(e auditv1.Event) string {
	if e.ObjectRef.Subresource == "" {
		return e.ObjectRef.Resource
	}
	return e.ObjectRef.Resource + "/" + e.ObjectRef.Subresource
}
