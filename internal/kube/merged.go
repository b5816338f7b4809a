package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

const (
	// maxMerged bounds how many incidents are looked at as one.
	maxMerged = 256
	// maxRedirects bounds how far the merges of an incident are followed.
	maxRedirects = 16
)

// WithMerged names the incident and everything that was merged into it, at any
// remove: what was found and done under the old names belongs to it now.
func WithMerged(ctx context.Context, c client.Reader, incident types.NamespacedName) ([]string, error) {
	names := []string{incident.Name}
	for next := 0; next < len(names) && len(names) < maxMerged; next++ {
		var list v1alpha1.IncidentList
		err := c.List(ctx, &list, client.InNamespace(incident.Namespace),
			client.MatchingFields{IndexIncidentRedirectedTo: names[next]}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, fmt.Errorf("listing what was merged into incident %s: %w", names[next], err)
		}
		for i := range list.Items {
			if name := list.Items[i].Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names[:min(len(names), maxMerged)], nil
}

// Survivor names the incident that the given one is part of after all merges:
// itself, if it was not merged. Of a circle, which two that decide at once can
// write, it is the first by name.
func Survivor(ctx context.Context, c client.Reader, incident types.NamespacedName) (types.NamespacedName, error) {
	var path []string
	for len(path) < maxRedirects {
		if start := slices.Index(path, incident.Name); start >= 0 {
			incident.Name = slices.Min(path[start:])
			return incident, nil
		}
		path = append(path, incident.Name)
		var found v1alpha1.Incident
		err := c.Get(ctx, incident, &found)
		switch {
		case apierrors.IsNotFound(err):
			return incident, nil
		case err != nil:
			return incident, fmt.Errorf("reading incident: %w", err)
		case found.Status.RedirectedTo == "":
			return incident, nil
		}
		incident.Name = string(found.Status.RedirectedTo)
	}
	return incident, nil
}
