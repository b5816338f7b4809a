// Package attack reads ATT&CK tactics and techniques in the spellings that
// detectors use. A well-formed technique is kept even when no list knows it:
// detectors mix versions of ATT&CK.
package attack

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// byID holds the ids of the tactics, as in "TA0005-defense-evasion".
var byID = map[string]model.Tactic{
	"TA0043": model.TacticReconnaissance,
	"TA0042": model.TacticResourceDevelopment,
	"TA0001": model.TacticInitialAccess,
	"TA0002": model.TacticExecution,
	"TA0003": model.TacticPersistence,
	"TA0004": model.TacticPrivilegeEscalation,
	"TA0005": model.TacticDefenseEvasion,
	"TA0006": model.TacticCredentialAccess,
	"TA0007": model.TacticDiscovery,
	"TA0008": model.TacticLateralMovement,
	"TA0009": model.TacticCollection,
	"TA0011": model.TacticCommandAndControl,
	"TA0010": model.TacticExfiltration,
	"TA0040": model.TacticImpact,
}

// byName holds the tactics by their name in lower case without separators.
var byName = func() map[string]model.Tactic {
	names := map[string]model.Tactic{}
	for _, tactic := range model.Tactics {
		names[strings.ToLower(string(tactic))] = tactic
	}
	return names
}()

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

var (
	tacticID  = regexp.MustCompile(`^TA[0-9]{4}`)
	technique = regexp.MustCompile(`^T([0-9]{4})(?:[._]([0-9]{3}))?(?:[^0-9]|$)`)
)

// Tactic reads "mitre_credential_access", "Credential Access",
// "CredentialAccess", "TA0006" or "TA0006-credential-access".
func Tactic(spelling string) (model.Tactic, bool) {
	if id := tacticID.FindString(strings.ToUpper(spelling)); id != "" {
		tactic, ok := byID[id]
		return tactic, ok
	}
	name := separators.Replace(strings.ToLower(strings.TrimSpace(spelling)))
	tactic, ok := byName[strings.TrimPrefix(name, "mitre")]
	return tactic, ok
}

// Technique reads "T1552.007", "t1552_007" or "T1562-impair-defenses".
func Technique(spelling string) (string, bool) {
	found := technique.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(spelling)))
	switch {
	case found == nil:
		return "", false
	case found[2] == "":
		return "T" + found[1], true
	}
	return "T" + found[1] + "." + found[2], true
}

// MaxTechniques is as many as the API keeps.
const MaxTechniques = 32

// Tags reads tactics and techniques from a list of tags and leaves the others
// alone. Both results are sorted and free of repetitions.
func Tags(tags []string) ([]model.Tactic, []string) {
	var tactics []model.Tactic
	var techniques []string
	for _, tag := range tags {
		if tactic, ok := Tactic(tag); ok {
			tactics = append(tactics, tactic)
		} else if id, ok := Technique(tag); ok {
			techniques = append(techniques, id)
		}
	}
	return model.SortTactics(tactics), SortTechniques(techniques)
}

// SortTechniques sorts techniques and drops what is repeated or too much.
func SortTechniques(in []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(in)))
	return out[:min(len(out), MaxTechniques)]
}
