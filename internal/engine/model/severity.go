package model

// Severity says how much an alert puts the organisation at risk. It is ordered.
type Severity int

// The severities, from least to most severe. Unknown ranks below Informational.
const (
	SeverityUnknown Severity = iota
	SeverityInformational
	SeverityLow
	SeverityMedium
	SeverityHigh
)

var severityNames = [...]string{"Unknown", "Informational", "Low", "Medium", "High"}

// String returns the name that the API uses.
func (s Severity) String() string {
	if s < SeverityUnknown || s > SeverityHigh {
		return severityNames[SeverityUnknown]
	}
	return severityNames[s]
}

// ParseSeverity returns the severity of that name, and Unknown for any other.
func ParseSeverity(name string) Severity {
	for i, known := range severityNames {
		if known == name {
			return Severity(i)
		}
	}
	return SeverityUnknown
}
