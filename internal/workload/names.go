package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// The labels of everything that an investigation runs, beside kube.LabelManagedBy.
const (
	LabelInvestigation = "tocsin.dev/investigation-uid"
	LabelStep          = "tocsin.dev/step"
	LabelAttempt       = "tocsin.dev/attempt"
)

// AnnotationInvestigation names the investigation, on its pods. A name may be
// longer than a label.
const AnnotationInvestigation = "tocsin.dev/investigation"

// JobName is the name of the Job of an attempt at a step. The same attempt has
// the same name for ever, so that it runs once however often it is started.
func JobName(investigation types.UID, step string, attempt int) string {
	return fmt.Sprintf("tocsin-%s-%s", step, digest(string(investigation), step, fmt.Sprint(attempt)))
}

// InputName is the name of the ConfigMap with an investigation's input.
func InputName(investigation types.UID) string {
	return "tocsin-input-" + digest(string(investigation), "input")
}

// InvestigationName is the name of the index-th investigation of an incident.
func InvestigationName(incident, playbook string, index int) string {
	return fmt.Sprintf("%s-%s", strings.TrimRight(cut(playbook, 48), "-."), digest(incident, playbook, fmt.Sprint(index)))
}

// RemediationName is the name of the remediation that an investigation proposes.
func RemediationName(investigation types.UID, response, action, target string) string {
	return fmt.Sprintf("%s-%s", response, digest(string(investigation), response, action, target))
}

// digest is twelve characters that depend on every part, and on where each ends.
func digest(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)) + ":" + p)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])[:12]
}

func cut(s string, n int) string { return s[:min(len(s), n)] }
