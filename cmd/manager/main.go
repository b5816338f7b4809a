// Command manager runs Tocsin in a cluster: the controllers and the gateway.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/tocsin-dev/tocsin/internal/operator"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run() error {
	options, logging := flags()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(logging)))
	if err := limitMemory(); err != nil {
		return err
	}
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	mgr, err := operator.New(cfg, options)
	if err != nil {
		return err
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

// flags reads the command line.
func flags() (operator.Options, *zap.Options) {
	o := operator.Options{Gateway: &operator.GatewayOptions{Pod: ownPod()}}
	list := func(to *[]string) func(string) error {
		return func(value string) error {
			*to = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			return nil
		}
	}
	flag.Func("namespaces", "Tenants to serve, separated by commas. All when empty.", list(&o.Namespaces))
	o.ProtectedNamespaces = []string{"kube-system"}
	flag.Func("protected-namespaces", "Namespaces in which every remediation waits for approval, separated by commas. (default kube-system)", list(&o.ProtectedNamespaces))
	flag.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", "", "Namespace of the Lease that elects a leader. No election when empty.")
	flag.StringVar(&o.LeaderElectionID, "leader-election-id", "tocsin-leader", "Name of that Lease. Two installations in one namespace need two.")
	flag.StringVar(&o.MetricsAddress, "metrics-address", ":8080", "Where metrics are served; 0 turns them off.")
	flag.StringVar(&o.HealthAddress, "health-address", ":8081", "Where /healthz and /readyz are served; 0 turns them off.")
	flag.StringVar(&o.InvestigatorImage, "investigator-image", "", "Image of the built-in analyzers.")
	flag.StringVar(&o.Gateway.Address, "gateway-address", ":9443", "Where alerts are received.")
	flag.StringVar(&o.Gateway.CertDir, "gateway-cert-dir", "", "Folder with tls.crt and tls.key. Plain HTTP when empty: only behind something that adds TLS, and without client certificates.")
	flag.StringVar(&o.Gateway.SpoolDir, "spool-dir", "/var/lib/tocsin/spool", "Folder in which received events are kept until they are in the API server.")
	flag.DurationVar(&o.Gateway.DrainTimeout, "drain-timeout", 15*time.Second, "How long received events are still brought into the API server after the signal to end.")
	flag.Func("ignored-users", "Users whose audit events are left out, separated by commas: Tocsin's own.", list(&o.Gateway.IgnoredUsers))
	logging := &zap.Options{StacktraceLevel: zapcore.PanicLevel}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	return o, logging
}
