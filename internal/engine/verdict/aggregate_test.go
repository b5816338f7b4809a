package verdict_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/verdict"
)

func TestAggregate(t *testing.T) {
	f := func(name string, v model.Verdict, reason, uid string) verdict.Finding {
		return verdict.Finding{Key: model.Key{Kind: model.KindPod, Name: name}, Verdict: v, Reason: reason, UID: uid}
	}
	in := []verdict.Finding{
		f("a", model.VerdictUnknown, "forbidden", ""),
		f("b", model.VerdictNoThreatsFound, "nothing", "u2"),
		f("a", model.VerdictMalicious, "no uid", ""),
		f("b", model.VerdictUnknown, "", ""),
		f("c", model.VerdictMalicious, "socket", "u3"),
		f("a", model.VerdictMalicious, "privileged", "u1"),
		f("d", model.VerdictSuspicious, "root", "u4"),
	}
	want := []verdict.Finding{
		f("a", model.VerdictMalicious, "privileged", "u1"),
		f("c", model.VerdictMalicious, "socket", "u3"),
		f("d", model.VerdictSuspicious, "root", "u4"),
		f("b", model.VerdictNoThreatsFound, "nothing", "u2"),
	}
	for range 20 {
		rand.Shuffle(len(in), func(i, k int) { in[i], in[k] = in[k], in[i] })
		got, total := verdict.Aggregate(in, 10)
		if diff := cmp.Diff(want, got); diff != "" || total != 4 {
			t.Fatalf("the worst must win in any order: total %d, %s", total, diff)
		}
		again, _ := verdict.Aggregate(got, 10)
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("not idempotent: %s", diff)
		}
	}
	got, total := verdict.Aggregate(in, 2)
	if diff := cmp.Diff(want[:2], got); diff != "" || total != 4 {
		t.Errorf("the worst must be kept: total %d, %s", total, diff)
	}
}
