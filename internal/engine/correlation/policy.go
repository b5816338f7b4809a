package correlation

import (
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Policy tunes the engine. Evidence is in bits: each halves the odds of chance.
type Policy struct {
	// JoinBits is the evidence an alert needs to join an incident.
	JoinBits int
	// MergeBits is the evidence with which one alert unites two incidents.
	MergeBits int
	// Merge says whether incidents are merged at all.
	Merge bool
	// Window is how long an incident takes further alerts after its last.
	Window time.Duration
	// Weights are the bits that a shared entity of a kind is worth.
	Weights map[model.EntityKind]int
	// HubIncidents is in how many incidents within the window an entity may
	// be before it says nothing any more.
	HubIncidents int
	// MaxAlerts is how many alerts an incident takes before a continuation
	// is opened.
	MaxAlerts int
}

// DefaultPolicy is what holds where nothing else is said.
func DefaultPolicy() Policy {
	return Policy{
		// 64 to 1 against chance.
		JoinBits: 6,
		// A wrong merge costs an analyst more than a wrong alert: 256 to 1.
		MergeBits: 8,
		Merge:     true,
		Window:    24 * time.Hour,
		Weights: map[model.EntityKind]int{
			// What is one of a kind joins by itself.
			model.KindFile: 10, model.KindURL: 8, model.KindMailMessage: 10,
			model.KindDomainName: 8, model.KindIP: 6, model.KindProcess: 6,
			model.KindContainer: 6, model.KindPod: 6, model.KindMailbox: 6,
			model.KindSecret: 6, model.KindImage: 4, model.KindCloudResource: 5,
			// Where much happens, some surprise must be added.
			model.KindWorkload: 5, model.KindServiceAccount: 5, model.KindUser: 4, model.KindDevice: 4,
			model.KindNode: 2, model.KindNamespace: 1, model.KindCluster: 0,
		},
		HubIncidents: 32,
		MaxAlerts:    1000,
	}
}

// Validate names the first field that makes no sense.
func (p Policy) Validate() error {
	switch {
	case p.JoinBits < 1 || p.JoinBits > 32:
		return fmt.Errorf("joinBits: must be between 1 and 32, is %d", p.JoinBits)
	case p.MergeBits < p.JoinBits || p.MergeBits > 64:
		return fmt.Errorf("mergeBits: must be between joinBits (%d) and 64, is %d", p.JoinBits, p.MergeBits)
	case p.Window < time.Minute:
		return fmt.Errorf("window: must be at least a minute, is %s", p.Window)
	case p.HubIncidents < 2:
		return fmt.Errorf("hubIncidents: must be at least 2, is %d", p.HubIncidents)
	case p.MaxAlerts < 2:
		return fmt.Errorf("maxAlerts: must be at least 2, is %d", p.MaxAlerts)
	}
	for _, kind := range sortedKinds(p.Weights) {
		if w := p.Weights[kind]; w < 0 || w > 32 {
			return fmt.Errorf("weights[%s]: must be between 0 and 32, is %d", kind, w)
		}
	}
	return nil
}
