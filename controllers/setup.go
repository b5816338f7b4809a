// Package controllers lists the controllers of Tocsin. Each lives in a package
// of its own, named after its purpose; they meet in the API server alone.
package controllers

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	alertsourceregistry "github.com/tocsin-dev/tocsin/controllers/alertsource/registry"
	"github.com/tocsin-dev/tocsin/controllers/alertsource/reports"
	alertsourcestatus "github.com/tocsin-dev/tocsin/controllers/alertsource/status"
	"github.com/tocsin-dev/tocsin/controllers/correlationpolicy/acceptance"
	"github.com/tocsin-dev/tocsin/controllers/incident/summary"
	"github.com/tocsin-dev/tocsin/controllers/investigation/launch"
	"github.com/tocsin-dev/tocsin/controllers/investigation/run"
	playbookstatus "github.com/tocsin-dev/tocsin/controllers/playbook/status"
	"github.com/tocsin-dev/tocsin/controllers/remediation/execute"
	"github.com/tocsin-dev/tocsin/controllers/tuningrule/release"
	tuningrulestatus "github.com/tocsin-dev/tocsin/controllers/tuningrule/status"
	"github.com/tocsin-dev/tocsin/internal/enrich"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/internal/ingest/tuningrule"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/workload"
)

// Options are what the controllers need beside the manager.
type Options struct {
	// Clock tells the time; tests bring their own.
	Clock clock.WithTicker
	// RESTConfig reaches the API server; actions take other identities from it.
	RESTConfig *rest.Config
	// Sources are what the gateway of this replica knows; nil without a gateway.
	Sources *source.Registry
	// Spool takes what is found in the cluster; nil without a gateway.
	Spool reports.Spool
	// Discovery says which kinds of report the API server serves.
	Discovery reports.Discovery
	// GatewayTLS says whether the gateway serves TLS.
	GatewayTLS bool
	// IgnoredUsers are left out of audit events: Tocsin's own requests.
	IgnoredUsers []string
	// InvestigatorImage is the image of the built-in analyzers.
	InvestigatorImage string
	// ProtectedNamespaces always wait for approval.
	ProtectedNamespaces []string
}

// controller is one purpose; Register adds it to the manager.
type controller interface {
	Name() string
	Register(mgr ctrl.Manager) error
}

// Setup adds every controller to the manager.
func Setup(mgr ctrl.Manager, options Options) error {
	for _, c := range all(mgr, options) {
		if err := c.Register(mgr); err != nil {
			return fmt.Errorf("registering controller %s: %w", c.Name(), err)
		}
	}
	return nil
}

// all lists the controllers along the way of an alert.
func all(mgr ctrl.Manager, o Options) []controller {
	client := mgr.GetClient()
	recorder := func(name string) events.EventRecorder { return mgr.GetEventRecorder("tocsin-" + name) }
	list := []controller{
		alertsourcestatus.New(alertsourcestatus.Deps{Client: client, Clock: o.Clock, GatewayTLS: o.GatewayTLS}),
		acceptance.New(acceptance.Deps{Client: client, Recorder: recorder("correlationpolicy-acceptance"), Clock: o.Clock}),
		tuningrulestatus.New(tuningrulestatus.Deps{Client: client, Recorder: recorder("tuningrule-status"), Clock: o.Clock}),
		release.New(release.Deps{Client: client, Live: mgr.GetAPIReader(), Recorder: recorder("tuningrule-release"), Clock: o.Clock}),
		correlation.New(correlation.Deps{
			Client: client, Live: mgr.GetAPIReader(), Recorder: recorder("alert-correlation"), Clock: o.Clock,
			// Its identities have a pace of their own: look-ups hold no remediation up.
			Surroundings: enrich.New(kube.NewImpersonator(o.RESTConfig, mgr.GetScheme(), mgr.GetRESTMapper()), o.Clock),
		}),
		summary.New(summary.Deps{Client: client, Recorder: recorder("incident-summary"), Clock: o.Clock}),
		playbookstatus.New(playbookstatus.Deps{Client: client, Clock: o.Clock}),
		launch.New(launch.Deps{Client: client, Recorder: recorder("investigation-launch")}),
		run.New(run.Deps{
			Client: client, Live: mgr.GetAPIReader(), Recorder: recorder("investigation-run"), Clock: o.Clock,
			Builder: workload.Builder{Image: o.InvestigatorImage}, ProtectedNamespaces: o.ProtectedNamespaces,
		}),
		execute.New(execute.Deps{
			Client: client, Recorder: recorder("remediation-execute"), Clock: o.Clock,
			Identities: kube.NewImpersonator(o.RESTConfig, mgr.GetScheme(), mgr.GetRESTMapper()),
		}),
	}
	if o.Sources != nil {
		list = append(list, alertsourceregistry.New(alertsourceregistry.Deps{
			Client: client, Registry: o.Sources, Clock: o.Clock, IgnoredUsers: o.IgnoredUsers,
		}))
	}
	if o.Spool != nil {
		list = append(list, reports.New(reports.Deps{
			Client: client, Spool: o.Spool, Clock: o.Clock, Discovery: o.Discovery, Tuning: tuningrule.New(client),
			Identities: kube.NewImpersonator(o.RESTConfig, mgr.GetScheme(), mgr.GetRESTMapper()),
		}))
	}
	return list
}
