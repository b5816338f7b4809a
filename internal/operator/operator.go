// Package operator assembles Tocsin: the manager with its caches, the
// controllers, and the gateway. cmd/manager and the tests start the same thing.
package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// fieldOwner owns what is created; each controller owns its status under a
// name of its own.
const fieldOwner = "tocsin"

// reconcileTimeout ends a reconciliation that hangs. The slowest honest one
// lists the thousand alerts of an incident from the cache and does one write.
const reconcileTimeout = 30 * time.Second

// stopTimeout is how long the manager waits for its parts to end, besides the
// drain: the gateway answers what has begun for up to 20 seconds.
const stopTimeout = 30 * time.Second

// Options say how Tocsin runs.
type Options struct {
	// Clock tells the time; the real one by default.
	Clock clock.WithTicker
	// Namespaces are the tenants; all when empty.
	Namespaces []string
	// LeaderElectionNamespace turns leader election on, with its Lease there.
	LeaderElectionNamespace string
	// LeaderElectionID is the name of the Lease; two installations in one
	// namespace need two.
	LeaderElectionID string
	// MetricsAddress and HealthAddress are where those are served; "0" turns one off.
	MetricsAddress, HealthAddress string
	// InvestigatorImage is the image of the built-in analyzers.
	InvestigatorImage string
	// ProtectedNamespaces always wait for approval.
	ProtectedNamespaces []string
	// Gateway says how alerts are received; nil receives none.
	Gateway *GatewayOptions
	// Repeatable lets several managers of one name live in one process, as
	// tests that restart them need.
	Repeatable bool
}

// Scheme knows the types of Tocsin and of Kubernetes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// New assembles Tocsin; Start on the result runs it.
func New(cfg *rest.Config, o Options) (ctrl.Manager, error) {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	mgr, err := ctrl.NewManager(cfg, managerOptions(o))
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	//nolint:forbidigo // nothing waits here: the indexes are filled when the cache starts
	if err := kube.AddIndexes(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making a client for discovery: %w", err)
	}
	options := controllers.Options{
		Clock: o.Clock, RESTConfig: cfg, Discovery: found,
		InvestigatorImage: o.InvestigatorImage, ProtectedNamespaces: o.ProtectedNamespaces,
	}
	ready := healthz.Ping
	if o.Gateway != nil {
		gateway := &ingest{mgr: mgr, options: *o.Gateway, namespaces: o.Namespaces, sources: source.NewRegistry(), clock: o.Clock, inlet: newInlet()}
		if err := mgr.Add(gateway); err != nil {
			return nil, err
		}
		options.Sources, options.IgnoredUsers, ready = gateway.sources, o.Gateway.IgnoredUsers, gateway.ready
		options.Spool = gateway.inlet
		options.GatewayTLS = o.Gateway.CertDir != ""
	}
	if err := controllers.Setup(mgr, options); err != nil {
		return nil, err
	}
	return mgr, errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("gateway", ready))
}

func managerOptions(o Options) ctrl.Options {
	stop := stopTimeout
	if o.Gateway != nil {
		stop += o.Gateway.DrainTimeout
	}
	return ctrl.Options{
		Scheme:                        Scheme(),
		Cache:                         cacheOptions(o.Namespaces),
		Client:                        clientOptions(),
		Metrics:                       metricsserver.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress:        o.HealthAddress,
		LeaderElection:                o.LeaderElectionNamespace != "",
		LeaderElectionID:              o.LeaderElectionID,
		LeaderElectionNamespace:       o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true, // the process ends right after
		GracefulShutdownTimeout:       &stop,
		Controller: config.Controller{
			UsePriorityQueue:      ptr.To(true),
			ReconciliationTimeout: reconcileTimeout,
			RecoverPanic:          ptr.To(true),
			EnableWarmup:          ptr.To(true),
			SkipNameValidation:    ptr.To(o.Repeatable),
		},
	}
}

// cacheOptions keep little in memory: no managed fields, and of Jobs, Pods and
// ConfigMaps only those that Tocsin made.
func cacheOptions(namespaces []string) cache.Options {
	ours := labels.SelectorFromSet(labels.Set{kube.LabelManagedBy: kube.ManagedBy})
	options := cache.Options{
		DefaultTransform:            cache.TransformStripManagedFields(),
		ReaderFailOnMissingInformer: true,
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}:      {Label: ours},
			&corev1.Pod{}:       {Label: ours},
			&corev1.ConfigMap{}: {Label: ours},
		},
	}
	for _, ns := range namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[ns] = cache.Config{}
	}
	return options
}

func clientOptions() client.Options {
	return client.Options{
		FieldOwner:      fieldOwner,
		FieldValidation: metav1.FieldValidationStrict,
		Cache:           &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}},
	}
}
