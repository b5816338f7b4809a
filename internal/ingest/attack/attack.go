// Package attack reads ATT&CK tactics and techniques in the spellings that
// detectors use. A technique that ATT&CK has replaced becomes its replacement. A
// well-formed one is kept even when the table does not have it: detectors mix
// versions of ATT&CK.
package attack

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

var (
	tacticID  = regexp.MustCompile(`^TA[0-9]{4}`)
	technique = regexp.MustCompile(`^T([0-9]{4})(?:[._]([0-9]{3}))?(?:[^0-9]|$)`)
)

// Tactic reads "mitre_credential_access", "Credential Access",
// "CredentialAccess", "TA0006" or "TA0006-credential-access".
func Tactic(spelling string) (model.Tactic, bool) {
	if id := tacticID.FindString(strings.ToUpper(spelling)); id != "" {
		tactic, ok := known.tactics[id]
		return tactic, ok
	}
	tactic, ok := known.tactics[strings.TrimPrefix(fold(spelling), "mitre")]
	return tactic, ok
}

// ID reads "T1552.007", "t1552_007" or "T1562-impair-defenses" as it stands.
func ID(spelling string) (string, bool) {
	found := technique.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(spelling)))
	switch {
	case found == nil:
		return "", false
	case found[2] == "":
		return "T" + found[1], true
	}
	return "T" + found[1] + "." + found[2], true
}

// Technique reads an ID, and follows it to what replaced it.
func Technique(spelling string) (string, bool) {
	id, ok := ID(spelling)
	return known.current(id), ok
}

// MaxTechniques is as many as the API keeps.
const MaxTechniques = 32

// Tags reads tactics and the ids of techniques from a list of tags and leaves the
// others alone. Both results are sorted and free of repetitions.
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
	return model.SortTactics(tactics), sorted(techniques)
}

// Techniques reads what is said to be techniques, by their ids or by their names.
// A name that several of them share says nothing. Nor is any tag a name: there are
// techniques called Python, SSH and Software.
func Techniques(spellings []string) []string {
	var techniques []string
	for _, spelling := range spellings {
		id, ok := Technique(spelling)
		if !ok {
			id = known.ids[fold(spelling)]
		}
		if id != "" {
			techniques = append(techniques, id)
		}
	}
	return sorted(techniques)
}

// sorted sorts techniques and drops what is repeated or too much.
func sorted(in []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(in)))
	return out[:min(len(out), MaxTechniques)]
}
