package generic

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// severities holds the names that detectors give: those of our own, syslog's,
// those of incident trackers and of vulnerability reports. Numbers are not among
// them: 1 is the worst for some and the least for others.
var severities = map[string]model.Severity{
	"critical": model.SeverityHigh, "crit": model.SeverityHigh, "fatal": model.SeverityHigh, "severe": model.SeverityHigh,
	"emergency": model.SeverityHigh, "emerg": model.SeverityHigh, "panic": model.SeverityHigh, "alert": model.SeverityHigh,
	"error": model.SeverityHigh, "err": model.SeverityHigh, "high": model.SeverityHigh, "major": model.SeverityHigh,

	"medium": model.SeverityMedium, "moderate": model.SeverityMedium, "warning": model.SeverityMedium, "warn": model.SeverityMedium,

	"low": model.SeverityLow, "minor": model.SeverityLow, "notice": model.SeverityLow,

	"informational": model.SeverityInformational, "information": model.SeverityInformational, "info": model.SeverityInformational,
	"debug": model.SeverityInformational, "negligible": model.SeverityInformational, "none": model.SeverityInformational,
}

// severity reads a name; what it does not know is Unknown.
func severity(name string) model.Severity {
	return severities[strings.ToLower(strings.TrimSpace(name))]
}
