package correlation

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Notice tells the controller of an incident, as its watch does.
func (c *Controller) Notice(inc client.Object) { c.changed.add(inc, false) }

// Merging is the part of the controller that merges incidents where people ask
// for it.
func (c *Controller) Merging() merging { return merging{c} }

// Deciding says whether something is being decided.
func (c *Controller) Deciding() bool {
	free := c.deciding.TryLock()
	if free {
		c.deciding.Unlock()
	}
	return !free
}

// Concerned names the alerts that have to be decided about when an incident
// changes.
func (c *Controller) Concerned(ctx context.Context, inc client.Object) []reconcile.Request {
	return c.membersOf(ctx, inc)
}

// GiveUp has the tenant rebuilt.
func (c *Controller) GiveUp(namespace string) { c.giveUp(namespace) }
