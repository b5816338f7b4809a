package launch

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// start creates the investigation. Its name follows from the incident, so that
// the same decision, taken twice, makes one investigation.
func (c *Controller) start(ctx context.Context, s *scope, decision playbook.Launch) error {
	inv := investigation(s, decision)
	err := c.Client.Create(ctx, inv)
	switch {
	case apierrors.IsAlreadyExists(err):
		return c.checkExisting(ctx, inv)
	case err != nil:
		return fmt.Errorf("creating investigation: %w", err)
	}
	c.eventStarted(s.incident, inv, decision.Message)
	return nil
}

func investigation(s *scope, decision playbook.Launch) *v1alpha1.Investigation {
	return &v1alpha1.Investigation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.incident.Namespace, Name: freeName(s, decision),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "Incident", Name: s.incident.Name, UID: s.incident.UID,
			}},
		},
		Spec: v1alpha1.InvestigationSpec{
			IncidentName: v1alpha1.LocalName(s.incident.Name),
			PlaybookName: v1alpha1.LocalName(decision.Playbook),
			AlertName:    v1alpha1.LocalName(decision.Alert),
			Entities:     convert.EntitiesOut(decision.Entities),
		},
	}
}

// freeName is the first name from the decision's index on that no known
// investigation has: one in between may have been deleted.
func freeName(s *scope, decision playbook.Launch) string {
	for i := decision.Index; ; i++ {
		if name := workload.InvestigationName(s.incident.Name, decision.Playbook, i); !s.names[name] {
			return name
		}
	}
}

// checkExisting accepts an investigation that is there already, if it is the
// one that was meant. The cache may not know it yet; then its event will come.
func (c *Controller) checkExisting(ctx context.Context, meant *v1alpha1.Investigation) error {
	existing := &v1alpha1.Investigation{}
	if err := c.Client.Get(ctx, client.ObjectKeyFromObject(meant), existing); err != nil {
		return client.IgnoreNotFound(err)
	}
	if existing.Spec.IncidentName != meant.Spec.IncidentName || existing.Spec.PlaybookName != meant.Spec.PlaybookName {
		return fmt.Errorf("investigation %s exists already, for incident %s and playbook %s",
			existing.Name, existing.Spec.IncidentName, existing.Spec.PlaybookName)
	}
	return nil
}
