package story

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// investigation waits until both pods were examined and what to do was proposed.
func investigation(ctx context.Context, w *World) error {
	var list v1alpha1.InvestigationList
	err := Every(ctx, "the verdicts on the pods "+w.Pod+" and "+w.Intruder, func(ctx context.Context) error {
		if err := w.Client.List(ctx, &list, client.InNamespace(Tenant)); err != nil {
			return err
		}
		for i := range list.Items {
			switch state := list.Items[i].Status.State; state {
			case "", v1alpha1.InvestigationQueued:
				return fmt.Errorf("investigation %s has not started", list.Items[i].Name)
			case v1alpha1.InvestigationFailed, v1alpha1.InvestigationTerminatedBySystem:
				return fmt.Errorf("investigation %s is %s", list.Items[i].Name, state)
			}
		}
		for _, pod := range []string{w.Pod, w.Intruder} {
			if verdict := verdictOn(list.Items, pod); verdict != v1alpha1.VerdictMalicious {
				return fmt.Errorf("the verdict on pod %s of %d investigations is %q", pod, len(list.Items), verdict)
			}
		}
		_, err := w.remediation(ctx, v1alpha1.ActionDeletePod, w.Intruder)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.show(ctx, "-n", Tenant, "get", "investigations"); err != nil {
		return err
	}
	w.say("")
	w.table("STEP|STATE|ENTITY|VERDICT|WHY", stepRows(list.Items))
	return nil
}

// stepRows lists what each step found, once for each entity.
func stepRows(list []v1alpha1.Investigation) [][]string {
	var rows [][]string
	seen := map[string]bool{}
	for i := range list {
		for _, step := range list[i].Status.Steps {
			for _, v := range step.Verdicts {
				id := step.Name + " " + string(v.Kind) + "/" + v.Name
				if seen[id] {
					continue
				}
				seen[id] = true
				rows = append(rows, []string{
					step.Name, string(step.State), string(v.Kind) + "/" + v.Name, string(v.Verdict), short(v.Reason, 110),
				})
			}
		}
	}
	return rows
}

// verdictOn is the worst verdict on a pod of the shop.
func verdictOn(list []v1alpha1.Investigation, pod string) v1alpha1.Verdict {
	var found v1alpha1.Verdict
	for i := range list {
		for _, v := range list[i].Status.Evidence {
			if v.Kind != "Pod" || v.Name != Shop+"/"+pod {
				continue
			}
			if found = v.Verdict; found == v1alpha1.VerdictMalicious {
				return found
			}
		}
	}
	return found
}
