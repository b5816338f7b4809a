package harness

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/environment"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// maxLogLines is enough for the last minute of all runs at once.
const maxLogLines = 5000

// Cluster is a real API server with its etcd; nothing else of a cluster runs.
type Cluster struct {
	// Config is for an administrator, undisturbed.
	Config *rest.Config
	Scheme *runtime.Scheme
	Client client.Client

	environment *envtest.Environment
	recorder    *history.Recorder
	logs        *logBuffer
	cancel      context.CancelFunc
}

// StartCluster starts the API server that KUBEBUILDER_ASSETS holds, with our
// kinds. Stop ends it.
func StartCluster(ctx context.Context) (*Cluster, error) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	// The processes share one logger; what is about a namespace is of its run.
	logs := newLogBuffer(maxLogLines)
	ctrl.SetLogger(logs.logger())

	c := &Cluster{logs: logs, Scheme: operator.Scheme(), environment: &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(environment.Root(), "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}}
	var err error
	if c.Config, err = c.environment.Start(); err != nil {
		return nil, fmt.Errorf("starting the API server (is KUBEBUILDER_ASSETS set?): %w", err)
	}
	// The limits are the API server's own; a client's would only slow the runs.
	c.Config.QPS = -1
	ctx, c.cancel = context.WithCancel(ctx)
	if c.Client, err = client.New(c.Config, client.Options{Scheme: c.Scheme}); err == nil {
		err = environment.Govern(ctx, c.Client)
	}
	if err == nil {
		c.recorder, err = history.Record(ctx, c.Config, c.Scheme, kinds()...)
	}
	if err != nil {
		_ = c.Stop()
		return nil, err
	}
	return c, nil
}

// Panics counts the reconciliations that panicked; controller-runtime recovers
// from them (I17).
func Panics() (int, error) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_panics_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			total += metric.GetCounter().GetValue()
		}
	}
	return int(total), nil
}

// Stop ends the API server.
func (c *Cluster) Stop() error {
	if c.cancel != nil {
		c.cancel()
	}
	return c.environment.Stop()
}

// kinds are those whose every revision is recorded: all that Tocsin writes, and
// all that those can be owned by.
func kinds() []client.ObjectList {
	return []client.ObjectList{
		&v1alpha1.AlertList{}, &v1alpha1.AlertSourceList{}, &v1alpha1.IncidentList{},
		&v1alpha1.InvestigationList{}, &v1alpha1.PlaybookList{}, &v1alpha1.RemediationList{},
		&v1alpha1.CorrelationPolicyList{}, &v1alpha1.TuningRuleList{},
		&batchv1.JobList{}, &corev1.PodList{}, &corev1.ConfigMapList{}, &corev1.SecretList{},
		&corev1.ServiceAccountList{}, &networkingv1.NetworkPolicyList{},
		&rbacv1.RoleList{}, &rbacv1.RoleBindingList{},
	}
}
