// Package guardduty reads findings of Amazon GuardDuty: as its API and
// EventBridge have them, and in the format of AWS Security Hub (ASFF), which
// carries those of other products too.
package guardduty

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// header is as much of a finding, in either format, as tells whether it is worth
// keeping. JSON names are matched in any case: the API writes Id, EventBridge id.
type header struct {
	// ProductARN is there in ASFF only.
	ProductARN string        `json:"ProductArn"`
	ID         decode.Scalar `json:"id"`
	Title      string        `json:"title"`
	Compliance struct {
		Status string `json:"status"`
	} `json:"compliance"`
}

var (
	errNoID    = errors.New("id: is missing; a finding of GuardDuty or of Security Hub has one")
	errNoTitle = errors.New("title: is missing or not a string")
)

func (h header) check() (decode.Drop, error) {
	switch {
	case h.ID == "":
		return "", errNoID
	case decode.Title(h.Title) == "":
		return "", errNoTitle
	case h.hub() && (h.Compliance.Status == "PASSED" || h.Compliance.Status == "NOT_AVAILABLE"):
		return decode.DropTelemetry, nil
	}
	return "", nil
}

// hub says whether the finding is in ASFF.
func (h header) hub() bool { return h.ProductARN != "" }

// finding is one of GuardDuty itself.
type finding struct {
	header
	Type        string        `json:"type"`
	Description string        `json:"description"`
	Severity    decode.Scalar `json:"severity"`
	CreatedAt   decode.Scalar `json:"createdAt"`
	UpdatedAt   decode.Scalar `json:"updatedAt"`
	Resource    resource      `json:"resource"`
	Service     service       `json:"service"`
}

type service struct {
	Archived       bool          `json:"archived"`
	ResourceRole   string        `json:"resourceRole"`
	FeatureName    string        `json:"featureName"`
	EventFirstSeen decode.Scalar `json:"eventFirstSeen"`
	EventLastSeen  decode.Scalar `json:"eventLastSeen"`
	AdditionalInfo struct {
		Sample bool `json:"sample"`
	} `json:"additionalInfo"`
	Action         action         `json:"action"`
	RuntimeDetails runtimeDetails `json:"runtimeDetails"`
	Detection      detection      `json:"detection"`
}

// purposes are what GuardDuty puts first in a type and that is no tactic by its
// name. Policy, Behavior, PenTest and AttackSequence say nothing of the stage of
// an attack.
var purposes = map[string]model.Tactic{
	"Recon":              model.TacticDiscovery, // As Security Hub has it.
	"UnauthorizedAccess": model.TacticInitialAccess,
	"Trojan":             model.TacticCommandAndControl,
	"Backdoor":           model.TacticCommandAndControl,
	"CryptoCurrency":     model.TacticImpact,
	"Stealth":            model.TacticDefenseEvasion,
}

// tactic returns the tactic of a type such as "Execution:Runtime/ReverseShell".
func tactic(findingType string) string {
	purpose, _, _ := strings.Cut(findingType, ":")
	return cmp.Or(string(purposes[purpose]), purpose)
}

// techniqueID finds "T1562.008 - Impair Defenses" in what is said of a sequence.
var techniqueID = regexp.MustCompile(`\bT[0-9]{4}(?:\.[0-9]{3})?\b`)

// tags returns what names a tactic or a technique.
func (f finding) tags() []string {
	tags := append([]string{tactic(f.Type)}, f.Service.Detection.Sequence.tags()...)
	if strings.HasPrefix(f.Type, "AttackSequence:") {
		tags = append(tags, techniqueID.FindAllString(f.Description, decode.MaxItems)...)
	}
	return tags
}
