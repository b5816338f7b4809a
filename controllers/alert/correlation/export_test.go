package correlation

import "sigs.k8s.io/controller-runtime/pkg/client"

// Notice tells the controller of an incident, as its watch does.
func (c *Controller) Notice(inc client.Object) { c.changed.add(inc, false) }

// Merging is the part of the controller that merges incidents where people ask
// for it.
func (c *Controller) Merging() merging { return merging{c} }

// GiveUp has the tenant rebuilt.
func (c *Controller) GiveUp(namespace string) { c.giveUp(namespace) }
