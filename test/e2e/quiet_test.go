package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/story"
)

const (
	// settling is how long Tocsin may still be writing after the story.
	settling = 30 * time.Second
	// watched is how long nothing may be written.
	watched = time.Minute
)

// quiet asserts that Tocsin writes nothing but Leases where nothing changes.
// The audit source is suspended: every audited request would be a change.
func quiet(t *testing.T, w *story.World) {
	log := auditLog(t, w)
	suspendSources(t, w)
	if _, err := log.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	last, seen := time.Now(), 0
	limited, cancel := context.WithTimeoutCause(t.Context(), settling+2*watched, errors.New("did not come"))
	defer cancel()
	err := story.Every(limited, "a minute without a write", func(context.Context) error {
		for _, e := range requests(t, log) {
			if !writes(e) {
				continue
			}
			seen++
			last = time.Now()
			t.Logf("%s %s %s %s/%s", e.StageTimestamp.Format(time.TimeOnly), e.Verb, resource(e), e.ObjectRef.Namespace, e.ObjectRef.Name)
		}
		if quietFor := time.Since(last); quietFor < watched {
			return fmt.Errorf("%d writes, the last one %s ago", seen, quietFor.Round(time.Second))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func writes(e auditv1.Event) bool {
	switch e.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		// Reviews are questions, though they are asked by creating something.
		return e.ObjectRef.Resource != "leases" && e.ObjectRef.APIGroup != "authorization.k8s.io"
	}
	return false
}

func suspendSources(t *testing.T, w *story.World) {
	t.Helper()
	var list v1alpha1.AlertSourceList
	if err := w.Client.List(t.Context(), &list, client.InNamespace(story.Tenant)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		before := list.Items[i].DeepCopy()
		list.Items[i].Spec.Suspend = ptr.To(true)
		if err := w.Client.Patch(t.Context(), &list.Items[i], client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
}
