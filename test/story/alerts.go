package story

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// Rules are those that the attack must set off.
var Rules = []string{
	"pod-exec", "secrets-read", "cluster-admin-binding", "privileged-pod",
	falcoShell.rule, falcoToken.rule, falcoConnection.rule,
}

// alerts waits until each part of the attack has raised its alert.
func alerts(ctx context.Context, w *World) error {
	err := Every(ctx, "an alert for each part of the attack", func(ctx context.Context) error {
		list, err := w.Alerts(ctx)
		if err != nil {
			return err
		}
		var missing []string
		for _, rule := range Rules {
			if !slices.ContainsFunc(list, func(a v1alpha1.Alert) bool { return a.Spec.Source.Rule == rule }) {
				missing = append(missing, rule)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("%d alerts, none of rule %s", len(list), strings.Join(missing, ", "))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.show(ctx, "-n", Tenant, "get", "alerts.tocsin.dev", "--sort-by=.spec.firstActivityTime",
		"-o=custom-columns=SEVERITY:.spec.severity,SERVICE:.spec.source.service,TITLE:.spec.title,TACTICS:.spec.tactics,COUNT:.status.occurrences")
}

// Alerts lists the tenant's alerts, in the order in which they happened.
func (w *World) Alerts(ctx context.Context) ([]v1alpha1.Alert, error) {
	var list v1alpha1.AlertList
	if err := w.Client.List(ctx, &list, client.InNamespace(Tenant)); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Alert) int {
		return cmp.Or(a.Spec.FirstActivityTime.Compare(b.Spec.FirstActivityTime.Time), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, nil
}
