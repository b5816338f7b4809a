package story

import (
	"context"
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// incident waits until all alerts are in one incident, and tells why.
func incident(ctx context.Context, w *World) error {
	var list []v1alpha1.Alert
	err := Every(ctx, "one incident with all alerts", func(ctx context.Context) (err error) {
		if list, err = w.Alerts(ctx); err != nil {
			return err
		}
		w.Incident, err = w.common(ctx, list)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.show(ctx, "-n", Tenant, "get", "incidents"); err != nil {
		return err
	}
	w.say("\nWhy each alert is in it (a bit of evidence halves the odds that it is chance):")
	titles := map[string]string{}
	var rows [][]string
	for _, a := range list {
		titles[a.Name] = a.Spec.Title
	}
	for _, a := range list {
		rows = append(rows, reason(a, titles))
	}
	w.table("ALERT|JOINED|BY|SHARED|BITS", rows)
	return nil
}

// common is the one incident of all alerts, once it counts them.
func (w *World) common(ctx context.Context, list []v1alpha1.Alert) (string, error) {
	name := ""
	for _, a := range list {
		is := string(a.Status.IncidentName)
		if is == "" || name != "" && is != name {
			return "", fmt.Errorf("alert %q is in incident %q, others are in %q", a.Spec.Title, is, name)
		}
		name = is
	}
	var found v1alpha1.Incident
	if err := w.get(ctx, Tenant, name, &found); err != nil {
		return "", err
	}
	if c := found.Status.Counts; c == nil || int(ptr.Deref(c.Alerts, 0)) != len(list) {
		return "", fmt.Errorf("the incident does not count %d alerts yet", len(list))
	}
	return name, nil
}

// reason is an alert with its heaviest link.
func reason(a v1alpha1.Alert, titles map[string]string) []string {
	title := short(a.Spec.Title, 40)
	if len(a.Status.Links) == 0 {
		return []string{title, "(the first)", "", "", ""}
	}
	l := a.Status.Links[0]
	return []string{
		title, short(titles[string(l.PeerName)], 40), l.Reason, l.Entity,
		fmt.Sprintf("%.1f", float64(ptr.Deref(l.WeightMillibits, 0))/1000),
	}
}
