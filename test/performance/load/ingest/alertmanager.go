package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

// alertmanagerBinary is what Debian calls it; it keeps alerts in memory.
const alertmanagerBinary = "prometheus-alertmanager"

// quiet notifies nobody.
const quiet = "route: {receiver: nobody, group_by: [alertname, pod]}\nreceivers: [{name: nobody}]\n"

// startAlertmanager starts Alertmanager, without peers.
func startAlertmanager(ctx context.Context, folder string) (server, error) {
	binary, err := exec.LookPath(alertmanagerBinary)
	if err != nil {
		return server{}, err
	}
	config := filepath.Join(folder, "alertmanager.yaml")
	if err := os.WriteFile(config, []byte(quiet), 0o600); err != nil {
		return server{}, err
	}
	addresses, err := free(1)
	if err != nil {
		return server{}, err
	}
	p, err := launch(ctx, filepath.Join(folder, "alertmanager.log"), "http://"+addresses[0]+"/-/ready", binary,
		"--config.file", config, "--storage.path", filepath.Join(folder, "alertmanager"), "--web.listen-address", addresses[0],
		"--cluster.listen-address", "", "--log.level", "error")
	if err != nil {
		return server{}, err
	}
	p.url = "http://" + addresses[0] + "/api/v2/alerts"
	return server{process: p, name: "Alertmanager", format: events.Alertmanager, header: http.Header{"Content-Type": {"application/json"}}}, nil
}
