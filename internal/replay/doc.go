// Package replay does with recorded events what the gateway, the drain and the
// correlation controller do in a cluster: the same input gives the same alerts,
// incidents and links. It needs no cluster and no clock: the time is that of the
// events.
//
// What the cluster alone knows is left out: which workload a pod belongs to,
// what people said, what an investigation found.
package replay
