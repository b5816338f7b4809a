// Package generic reads any JSON object, as CEL expressions say.
package generic

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// Options say how an event becomes an alert. Each is a CEL expression over
// "event"; all but Title may be left out.
type Options struct {
	// Events gives the events in a record, When says whether one is an alert.
	Events, When string
	// Title, Rule, Service, Detection, Severity, Description and
	// RecommendedActions give strings.
	Title, Rule, Service, Detection string
	Severity                        string
	Description, RecommendedActions string
	// Time gives a timestamp, a string or a number.
	Time string
	// Tactics, Techniques and Fingerprint give lists of strings.
	Tactics, Techniques, Fingerprint string
	Entities                         []Entity
}

// Entity makes entities of a kind.
type Entity struct {
	Kind model.EntityKind
	// Name is an expression that gives a string or a list of strings.
	Name     string
	Role     model.Role
	Category model.Category
}

// Unmapped is for the events of a source that is gone or whose options are no
// longer valid: they were acknowledged, so they are told of, as one alert with
// their number.
func Unmapped() Options {
	return Options{Title: `"Events of a source that is gone or not valid"`, Service: `"unknown"`, Severity: `"Low"`}
}

// roles are those that an alert can name.
var roles = []model.Role{
	model.RoleUnknown, model.RoleContextual, model.RoleScanned, model.RoleSource, model.RoleDestination,
	model.RoleCreated, model.RoleAdded, model.RoleCompromised, model.RoleEdited, model.RoleAttacked,
	model.RoleAttacker, model.RoleCommandAndControl, model.RoleLoaded, model.RoleSuspicious, model.RolePolicyViolator,
}

// validate checks what the API server checks too: options that are read from a
// file were seen by none.
func (e Entity) validate() error {
	switch {
	case !entity.Known(e.Kind):
		return fmt.Errorf("kind: there is no kind %q", e.Kind)
	case strings.TrimSpace(e.Name) == "":
		return errors.New("name: is missing")
	case e.Role != "" && !slices.Contains(roles, e.Role):
		return fmt.Errorf("role: there is no role %q", e.Role)
	case e.Category != "" && e.Category != model.CategoryAsset && e.Category != model.CategoryEvidence:
		return fmt.Errorf("category: must be %s or %s, is %q", model.CategoryAsset, model.CategoryEvidence, e.Category)
	}
	return nil
}
