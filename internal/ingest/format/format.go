// Package format is the table of the formats that Tocsin reads.
package format

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/ingest/alertmanager"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
	"github.com/tocsin-dev/tocsin/internal/ingest/fingerprint"
	"github.com/tocsin-dev/tocsin/internal/ingest/generic"
	"github.com/tocsin-dev/tocsin/internal/ingest/guardduty"
	"github.com/tocsin-dev/tocsin/internal/ingest/imported"
	"github.com/tocsin-dev/tocsin/internal/ingest/kubearmor"
	"github.com/tocsin-dev/tocsin/internal/ingest/kubernetesaudit"
	"github.com/tocsin-dev/tocsin/internal/ingest/microsoftgraph"
	"github.com/tocsin-dev/tocsin/internal/ingest/ocsf"
	"github.com/tocsin-dev/tocsin/internal/ingest/policyreport"
	"github.com/tocsin-dev/tocsin/internal/ingest/suricata"
	"github.com/tocsin-dev/tocsin/internal/ingest/tetragon"
	"github.com/tocsin-dev/tocsin/internal/ingest/trivyoperator"
	"github.com/tocsin-dev/tocsin/internal/ingest/wazuh"
)

// Options are what a source says about how it is to be read.
type Options struct {
	// Source is the name of the source.
	Source string
	// Cluster is the name of the cluster that the events are about.
	Cluster string
	// AuditRules are the source's own rules for audit events.
	AuditRules []kubernetesaudit.Rule
	// WithoutBuiltInRules leaves out the audit rules that Tocsin brings along.
	WithoutBuiltInRules bool
	// WithChanges adds the rules that tell of every change of interest.
	WithChanges bool
	// IgnoredUsers are the users whose audit events are left out: Tocsin's own.
	IgnoredUsers []string
	// Generic says how any event becomes an alert.
	Generic *generic.Options
	// Routes say what CloudEvents carry.
	Routes []Route
	// Fingerprint is an expression that replaces the format's own fingerprint; empty
	// for none.
	Fingerprint string
}

// Generic is the name of the one format that also comes as CSV.
const Generic = "Generic"

// table has a constructor for each format, under the name that AlertSource uses.
var table = map[string]func(Options) (decode.Decoder, error){
	"Falco":           newFalco,
	"KubernetesAudit": newKubernetesAudit,
	"Alertmanager":    func(o Options) (decode.Decoder, error) { return alertmanager.Decoder{Cluster: o.Cluster}, nil },
	"Tetragon":        func(o Options) (decode.Decoder, error) { return tetragon.Decoder{Cluster: o.Cluster}, nil },
	"KubeArmor":       func(o Options) (decode.Decoder, error) { return kubearmor.Decoder{Cluster: o.Cluster}, nil },
	"Wazuh":           func(o Options) (decode.Decoder, error) { return wazuh.Decoder{Cluster: o.Cluster}, nil },
	"Suricata":        func(o Options) (decode.Decoder, error) { return suricata.Decoder{Cluster: o.Cluster}, nil },
	Generic:           newGeneric,
	"MicrosoftGraph":  func(Options) (decode.Decoder, error) { return microsoftgraph.Decoder{}, nil },
	"OCSF":            func(o Options) (decode.Decoder, error) { return ocsf.Decoder{Cluster: o.Cluster}, nil },
	"GuardDuty":       func(Options) (decode.Decoder, error) { return guardduty.Decoder{}, nil },
	"PolicyReport":    func(o Options) (decode.Decoder, error) { return policyreport.Decoder{Cluster: o.Cluster}, nil },
	"TrivyOperator":   func(o Options) (decode.Decoder, error) { return trivyoperator.Decoder{Cluster: o.Cluster}, nil },
}

// Names returns the formats that senders speak, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table)) }

// New returns the decoder of a format: of one that senders speak, or of the one
// for what Tocsin found itself.
func New(name string, options Options) (decode.Decoder, error) {
	if name == imported.Format {
		return decode.Safe(imported.Decoder{}), nil
	}
	construct, ok := table[name]
	if !ok {
		return nil, fmt.Errorf("type: %q is not one of %v", name, Names())
	}
	decoder, err := construct(options)
	if err == nil && options.Fingerprint != "" {
		decoder, err = override(name, decoder, options)
	}
	if err != nil {
		return nil, err
	}
	return decode.Safe(decoder), nil
}

// override leaves CloudEvents to the format of their data.
func override(name string, decoder decode.Decoder, o Options) (decode.Decoder, error) {
	switch {
	case o.Generic != nil && o.Generic.Fingerprint != "":
		return nil, errors.New("fingerprint: does not go with generic.fingerprint: give one of both")
	case name == CloudEvents:
		return decoder, nil
	}
	return fingerprint.Override(decoder, o.Source, o.Cluster, o.Fingerprint)
}

func newFalco(o Options) (decode.Decoder, error) {
	return falco.Decoder{Cluster: o.Cluster}, nil
}

func newKubernetesAudit(o Options) (decode.Decoder, error) {
	rules := o.AuditRules
	if !o.WithoutBuiltInRules {
		rules = kubernetesaudit.Merge(rules, kubernetesaudit.Threats())
	}
	if o.WithChanges {
		rules = kubernetesaudit.Merge(rules, kubernetesaudit.Changes())
	}
	set, err := kubernetesaudit.Compile(rules)
	if err != nil {
		return nil, err
	}
	ignore := map[string]bool{}
	for _, user := range o.IgnoredUsers {
		ignore[user] = true
	}
	return kubernetesaudit.Decoder{Cluster: o.Cluster, Rules: set, Ignore: ignore}, nil
}

func newGeneric(o Options) (decode.Decoder, error) {
	options := generic.Unmapped()
	if o.Generic != nil {
		options = *o.Generic
	}
	decoder, err := generic.New(o.Source, o.Cluster, options)
	if err != nil {
		return nil, err
	}
	return decoder, nil
}
