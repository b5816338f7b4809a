package attack

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestTags(t *testing.T) {
	for name, tc := range map[string]struct {
		tags       []string
		tactics    []model.Tactic
		techniques []string
	}{
		"falco": {
			tags:       []string{"container", "maturity_stable", "mitre_credential_access", "T1555", "PCI_DSS_10.2.5"},
			tactics:    []model.Tactic{model.TacticCredentialAccess},
			techniques: []string{"T1555"},
		},
		"with words": {
			tags:       []string{"T1562-impair-defenses", "TA0005-defense-evasion"},
			tactics:    []model.Tactic{model.TacticDefenseEvasion},
			techniques: []string{"T1562"},
		},
		"sub-techniques, repeated and out of order": {
			tags:       []string{"mitre_persistence", "T1552.007", "mitre_execution", "t1021_004", "T1552.007"},
			tactics:    []model.Tactic{model.TacticExecution, model.TacticPersistence},
			techniques: []string{"T1021.004", "T1552.007"},
		},
		"nothing of the kind": {
			tags:    []string{"T15", "T12345", "TA9999", "mitre_", "", "T1555x9"},
			tactics: nil, techniques: []string{"T1555"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tactics, techniques := Tags(tc.tags)
			if diff := cmp.Diff(append([]model.Tactic{}, tc.tactics...), tactics); diff != "" {
				t.Errorf("tactics: %s", diff)
			}
			if diff := cmp.Diff(tc.techniques, techniques); diff != "" {
				t.Errorf("techniques: %s", diff)
			}
		})
	}
}
