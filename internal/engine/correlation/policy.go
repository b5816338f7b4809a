package correlation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Policy tunes the engine. Evidence is in bits: each halves the odds of chance.
type Policy struct {
	// JoinBits is the evidence an alert needs to join an incident.
	JoinBits int
	// MergeBits is the evidence with which one alert unites two incidents.
	MergeBits int
	// Merge says whether the engine merges incidents at all.
	Merge bool
	// RoutineBits is the surprise below which an alert that joins nothing is
	// routine: it is kept with the other routine of its asset.
	RoutineBits int
	// Window is how long after its last sign of life an incident takes alerts.
	Window time.Duration
	// ProximateWindow is how close in time two surprising alerts must be to be
	// joined although they share no entity; zero turns that off.
	ProximateWindow time.Duration
	// Weights are the most bits that a shared entity of a kind can be worth;
	// what it is worth is measured. A kind that is not listed is worth nothing.
	Weights map[model.EntityKind]int
	// HubIncidents is how many of an entity's newest incidents are looked at.
	HubIncidents int
	// MaxAlerts is how many alerts an incident takes before a continuation
	// is opened.
	MaxAlerts int
	// MaxEntities is how many entities of an alert are looked at, the weightiest.
	MaxEntities int
}

// DefaultPolicy is what holds where nothing else is said.
func DefaultPolicy() Policy {
	return Policy{
		// 64 to 1 against chance: with some ten incidents open at once, a wrong
		// one is still an exception.
		JoinBits: 6,
		// A wrong merge costs an analyst more than a wrong alert: 256 to 1.
		MergeBits: 8,
		Merge:     true,
		// One in eight: what this asset does each working day anyway.
		RoutineBits: 3,
		// An intruder comes back after a night; evidence fades long before
		// unless the alert is rare.
		Window: 24 * time.Hour,
		// Tools go from host to host within seconds, people at the keyboard
		// start the next step within two or three minutes.
		ProximateWindow: 3 * time.Minute,
		Weights: map[model.EntityKind]int{
			// The same content or address is the same campaign: joins alone, and merges.
			model.KindFile: 10, model.KindMailMessage: 10, model.KindURL: 8, model.KindDomainName: 8,
			// One of a kind: joins alone while it is rare.
			model.KindIP: 6, model.KindContainer: 6, model.KindPod: 6,
			model.KindMailbox: 6, model.KindSecret: 6,
			// Where much happens, some surprise must be added.
			model.KindWorkload: 5, model.KindServiceAccount: 5, model.KindCloudResource: 5,
			model.KindUser: 4, model.KindImage: 4, model.KindDevice: 3, model.KindNode: 3,
			// The same program runs everywhere.
			model.KindProcess: 1,
			// Where many live: counts for alerts about the place itself.
			model.KindNamespace: 2,
		},
		// More would be a hub, whose newest incidents are as good as any.
		HubIncidents: 32,
		// Others cap at 100 (Microsoft Sentinel's Fusion) to 150 (its incidents); a
		// status list shows fewer anyway.
		MaxAlerts: 1000,
		// Real alerts have one to twenty.
		MaxEntities: 64,
	}
}

// Validate names the first field that makes no sense, as the API calls it.
func (p Policy) Validate() error {
	switch {
	case p.JoinBits < 1 || p.JoinBits > 32:
		return fmt.Errorf("joinBits: must be between 1 and 32, is %d", p.JoinBits)
	case p.MergeBits < p.JoinBits || p.MergeBits > 64:
		return fmt.Errorf("mergeBits: must be between joinBits (%d) and 64, is %d", p.JoinBits, p.MergeBits)
	case p.RoutineBits < 0 || p.RoutineBits > p.JoinBits:
		return fmt.Errorf("routineBits: must be between 0 and joinBits (%d), is %d", p.JoinBits, p.RoutineBits)
	case p.Window < time.Minute || p.Window > 30*24*time.Hour:
		return fmt.Errorf("windowSeconds: must be between 60 and 2592000, is %d", p.Window/time.Second)
	case p.ProximateWindow < 0 || p.ProximateWindow > min(p.Window, 24*time.Hour):
		return fmt.Errorf("proximateWindowSeconds: must be between 0 and windowSeconds (%d), and at most 86400, is %d",
			p.Window/time.Second, p.ProximateWindow/time.Second)
	case p.HubIncidents < 2 || p.HubIncidents > 1024:
		return fmt.Errorf("hubIncidents: must be between 2 and 1024, is %d", p.HubIncidents)
	case p.MaxAlerts < 2 || p.MaxAlerts > 10_000:
		return fmt.Errorf("maxAlerts: must be between 2 and 10000, is %d", p.MaxAlerts)
	case p.MaxEntities < 1 || p.MaxEntities > 64:
		return fmt.Errorf("maxEntities: must be between 1 and 64, is %d", p.MaxEntities)
	}
	heaviest := 0
	for _, kind := range slices.Sorted(maps.Keys(p.Weights)) {
		w := p.Weights[kind]
		if w < 0 || w > 32 {
			return fmt.Errorf("weights[%s]: must be between 0 and 32, is %d", kind, w)
		}
		heaviest = max(heaviest, w)
	}
	if heaviest == 0 && p.ProximateWindow == 0 {
		return fmt.Errorf("weights: all are 0 and proximateWindowSeconds is 0, so that nothing could ever join an incident")
	}
	return nil
}

// weak names are shared by so many machines and programs that they say nothing,
// even on the first day, when nothing could be measured yet.
var weak = map[model.EntityKind][]string{
	model.KindIP:        {"127.0.0.1", "::1", "0.0.0.0", "::"},
	model.KindUser:      {"root", "SYSTEM", "system", "nobody", "<NA>", "-"},
	model.KindProcess:   {"sh", "bash", "dash", "ash", "zsh", "/bin/sh", "/bin/bash", "/usr/bin/bash", "/bin/dash", "runc", "init", "systemd"},
	model.KindNamespace: {"kube-system"},
}

// weight is the most bits that sharing the entity can be worth.
func (p *Policy) weight(key model.Key) int {
	if key.Name == "" || slices.Contains(weak[key.Kind], key.Name) {
		return 0
	}
	return p.Weights[key.Kind]
}
