package alertmanager

import (
	"net"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// entities names what the labels speak of.
func (w words) entities() []model.Entity {
	var list entity.List
	w.addObjects(&list)
	contained := len(list.Items()) > 0
	list.Asset(hit(!contained))(entity.Node(w.target("node", "nodename", "k8s_node_name")))
	if !contained {
		w.addInstance(&list)
		list.Asset(model.RoleAttacked)(entity.Namespace(w.target("namespace")))
	}
	list.Asset(model.RoleContextual)(entity.New(model.KindCluster, w.get("cluster")))
	return list.Items()
}

// hit is the role of what was hit itself, or is only the place where it was.
func hit(itself bool) model.Role {
	if itself {
		return model.RoleAttacked
	}
	return model.RoleContextual
}

// target returns what an exporter speaks of: where its own place has the label,
// Prometheus calls that "exported_".
func (w words) target(names ...string) string {
	for _, name := range names {
		if value := w.get("exported_"+name, name); value != "" {
			return value
		}
	}
	return ""
}

// workloadLabels are the kinds of the objects that labels name. "job" is not
// among them: it is the scrape job.
var workloadLabels = []struct{ kind, label string }{
	{"Deployment", "deployment"}, {"StatefulSet", "statefulset"}, {"DaemonSet", "daemonset"},
	{"ReplicaSet", "replicaset"}, {"CronJob", "cronjob"}, {"Job", "job_name"},
}

// addObjects adds the pod, what runs it, and what it runs.
func (w words) addObjects(list *entity.List) {
	namespace := w.target("namespace", "k8s_ns_name")
	list.Asset(model.RoleAttacked)(entity.Pod(namespace, w.target("pod", "k8s_pod_name")))
	for _, workload := range workloadLabels {
		list.Asset(model.RoleAttacked)(entity.Object(workload.kind, namespace, w.target(workload.label)))
	}
	list.Asset(model.RoleAttacked)(entity.Object(w.get("workload_type"), namespace, w.get("workload")))
	list.Asset(model.RoleAttacked)(entity.Container(w.target("container_id")))
	list.Evidence(model.RoleContextual)(entity.ImageReference(w.target("image")))
	list.Evidence(model.RoleContextual)(entity.Image(w.get("container_image_repository"), w.get("container_image_tag"), ""))
	list.Asset(model.RoleContextual)(entity.ServiceAccount(namespace, w.target("serviceaccount", "service_account")))
}

// addInstance adds the target that was scraped. With objects of the cluster in
// the labels it is only the exporter that tells of them.
func (w words) addInstance(list *entity.List) {
	instance := w.target("instance")
	if strings.Contains(instance, "://") {
		list.Evidence(model.RoleAttacked)(entity.URL(instance))
		return
	}
	if host, _, err := net.SplitHostPort(instance); err == nil {
		instance = host
	}
	if ip, ok := entity.IP(instance); ok {
		list.Evidence(model.RoleAttacked)(ip, ok)
	} else if net.ParseIP(instance) == nil {
		list.Asset(model.RoleAttacked)(entity.Node(instance))
	}
}
