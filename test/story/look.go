package story

import "path/filepath"

// Where to look when something did not come.

func lookSystem(w *World) []string {
	lines := []string{
		"kubectl -n " + System + " get pods,events",
		"kubectl -n " + System + " logs deployment/tocsin",
	}
	if w.Local() {
		lines = append(lines, filepath.Join(w.State, "logs")+"   (the cluster's own processes)")
	}
	return lines
}

func lookTenant(w *World) []string {
	return append([]string{
		"kubectl -n " + Tenant + " get tocsin",
		"kubectl -n " + Tenant + " describe alertsources,incidents,playbooks",
		"kubectl -n " + Shop + " get pods,events",
	}, lookSystem(w)...)
}

func lookShop(w *World) []string {
	return append([]string{"kubectl -n " + Shop + " get pods,events"}, lookSystem(w)...)
}

func lookSources(w *World) []string {
	lines := append([]string{"kubectl -n " + Tenant + " describe alertsources"}, lookSystem(w)...)
	if w.Local() {
		lines = append(lines,
			filepath.Join(w.State, "audit.log")+"   (what the API server sent, or tried to)",
			filepath.Join(w.State, "logs", "kube-apiserver.log")+"   (whether it reached Tocsin)")
	}
	return lines
}

func lookJobs(w *World) []string {
	return append([]string{
		"kubectl -n " + Tenant + " describe investigations",
		"kubectl -n " + Tenant + " get jobs,pods,events",
	}, lookSystem(w)...)
}

func lookRemediations(w *World) []string {
	return append([]string{
		"kubectl -n " + Tenant + " describe remediations",
		"kubectl -n " + Shop + " get pods,networkpolicies --show-labels",
	}, lookSystem(w)...)
}
