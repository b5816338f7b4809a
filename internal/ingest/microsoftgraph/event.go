// Package microsoftgraph reads the alerts of Microsoft's security products: from
// Graph (alerts_v2, alone or within incidents), from the REST API of Defender
// XDR, and the rows of AlertInfo that it streams.
package microsoftgraph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// header is as much of an alert as tells whether it is worth keeping.
type header struct {
	// ID is what Graph calls the alert, AlertID what Defender XDR does.
	ID              decode.Scalar `json:"id"`
	AlertID         decode.Scalar `json:"alertId"`
	ProviderAlertID decode.Scalar `json:"providerAlertId"`
	Title           string        `json:"title"`
}

var (
	errNoID    = errors.New("id: is missing; an alert of alerts_v2 has an id, one of Defender XDR an alertId")
	errNoTitle = errors.New("title: is missing or not a string; ask for incidents with $expand=alerts")
)

func (h header) check() error {
	switch {
	case h.id() == "":
		return errNoID
	case decode.Title(h.Title) == "":
		return errNoTitle
	}
	return nil
}

// id stays the same as long as the alert exists, however often it is updated.
func (h header) id() string {
	return text.Line(string(cmp.Or(h.ID, h.AlertID, h.ProviderAlertID)), maxID)
}

// maxID is above what any of the products uses.
const maxID = 512

// alert is what Graph and Defender XDR write, each under its own names.
type alert struct {
	header
	IncidentID         decode.Scalar       `json:"incidentId"`
	Description        string              `json:"description"`
	RecommendedActions string              `json:"recommendedActions"`
	Severity           string              `json:"severity"`
	Status             string              `json:"status"`
	Category           string              `json:"category"`
	ServiceSource      string              `json:"serviceSource"`
	DetectionSource    string              `json:"detectionSource"`
	Techniques         decode.List[string] `json:"mitreTechniques"`
	// AttackTechniques is a list within a string: ["Regsvr32 (T1218.010)"].
	AttackTechniques      string                `json:"attackTechniques"`
	FirstActivityDateTime string                `json:"firstActivityDateTime"`
	FirstActivity         string                `json:"firstActivity"`
	Timestamp             string                `json:"timestamp"`
	CreatedDateTime       string                `json:"createdDateTime"`
	CreationTime          string                `json:"creationTime"`
	LastActivityDateTime  string                `json:"lastActivityDateTime"`
	LastActivity          string                `json:"lastActivity"`
	Evidence              decode.List[evidence] `json:"evidence"`
	Entities              decode.List[evidence] `json:"entities"`
	Devices               decode.List[evidence] `json:"devices"`
}

// row is what Defender XDR streams: a row of one of its tables.
type row struct {
	Category   string          `json:"category"`
	Properties json.RawMessage `json:"properties"`
}

const (
	streamed  = "AdvancedHunting-"
	alertInfo = streamed + "AlertInfo"
)

// content returns the alert within a row, and an event that is no row as it is.
// Rows of other tables are telemetry: AlertEvidence too, since it comes apart
// from the alert that it belongs to.
func content(event []byte) ([]byte, decode.Drop, error) {
	if !bytes.Contains(event, []byte(`"`+streamed)) {
		return event, "", nil
	}
	var r row
	if err := decode.Lenient(event, &r); err != nil {
		return nil, "", err
	}
	switch {
	case r.Category == alertInfo && len(r.Properties) > 0:
		return r.Properties, "", nil
	case strings.HasPrefix(r.Category, streamed):
		return nil, decode.DropTelemetry, nil
	}
	return event, "", nil
}

var techniqueID = regexp.MustCompile(`\bT[0-9]{4}(?:\.[0-9]{3})?\b`)

// techniques returns the ids in both lists.
func (a alert) techniques() []string {
	listed := techniqueID.FindAllString(a.AttackTechniques, decode.MaxItems)
	return append(listed, a.Techniques...)
}
