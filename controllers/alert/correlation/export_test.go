package correlation

import "sigs.k8s.io/controller-runtime/pkg/client"

// Notice tells the controller of an incident, as its watch does.
func (c *Controller) Notice(inc client.Object) { c.changed.add(inc.GetNamespace(), inc.GetName()) }
