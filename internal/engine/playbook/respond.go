package playbook

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// MaxProposals is how many remediations one investigation proposes; a verdict
// on more is a case for people.
const MaxProposals = 64

// Policy is what a playbook says about remediation.
type Policy struct {
	Automation Automation
	// Monitor proposes nothing.
	Monitor   bool
	Responses []Response
	// ProtectedNamespaces always wait for approval.
	ProtectedNamespaces []string
}

// Subject is an entity with a verdict.
type Subject struct {
	model.Key
	Verdict model.Verdict
	Reason  string
	// UID is the object that was examined; empty when it was not found out.
	UID string
	// Critical says that the entity matters so much that a person decides.
	Critical bool
	// Foreign says that the investigation was not asked about the entity.
	Foreign bool
}

// Proposal is a remediation to make.
type Proposal struct {
	Response, Action string
	Target           model.Key
	UID              string
	TTLSeconds       int32
	// Automatic acts at once; else a person must approve.
	Automatic bool
	// Reason is why it is automatic or waits, Message the same for people.
	Reason, Message string
}

// Why a proposal is automatic or waits (Proposal.Reason).
const (
	ReasonMaliciousAtFull    = "MaliciousAtFull"
	ReasonAutomationSemi     = "AutomationSemi"
	ReasonOnlySuspicious     = "OnlySuspicious"
	ReasonAlwaysApprove      = "ResponseRequiresApproval"
	ReasonProtectedNamespace = "ProtectedNamespace"
	ReasonCriticalAsset      = "CriticalAsset"
	ReasonForeignEntity      = "NotPartOfInvestigation"
	ReasonUIDUnknown         = "ObjectNotIdentified"
)

// Respond says which remediations follow from verdicts. One target gets each
// action once: where several responses ask for it, the most careful one counts.
// It returns also how many were left out.
func Respond(policy Policy, subjects []Subject) (proposals []Proposal, dropped int) {
	if policy.Monitor || policy.Automation == AutomationNone {
		return nil, 0
	}
	byTarget := map[string]Proposal{}
	for _, s := range subjects {
		for _, r := range policy.Responses {
			if !applies(r, s) {
				continue
			}
			p := propose(policy, r, s)
			id := p.Action + " " + p.Target.String()
			if known, ok := byTarget[id]; !ok || p.compare(known) < 0 {
				byTarget[id] = p
			}
		}
	}
	for _, p := range byTarget {
		proposals = append(proposals, p)
	}
	slices.SortFunc(proposals, func(a, b Proposal) int {
		return cmp.Or(a.Target.Compare(b.Target), -cmp.Compare(a.Action, b.Action))
	})
	kept := proposals[:min(len(proposals), MaxProposals)]
	return kept, len(proposals) - len(kept)
}

// compare puts the more careful proposal first, then orders by name.
func (p Proposal) compare(other Proposal) int {
	return cmp.Or(compareBool(p.Automatic, other.Automatic), cmp.Compare(p.Response, other.Response))
}

var podPattern = regexp.MustCompile(`^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$`)

// Pod is the namespace and the name of a pod; false for what is none. Entities
// are named by detectors and by steps: not every name could be one.
func Pod(k model.Key) (namespace, name string, ok bool) {
	parts := podPattern.FindStringSubmatch(k.Name)
	if k.Kind != model.KindPod || parts == nil {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// applies reports whether the response answers to the entity: both actions act
// on pods.
func applies(r Response, s Subject) bool {
	if _, _, ok := Pod(s.Key); !ok || r.Action != ActionIsolatePod && r.Action != ActionDeletePod {
		return false
	}
	return s.Verdict.Worse(model.VerdictNoThreatsFound) && !r.MinimumVerdict.Worse(s.Verdict)
}

func propose(policy Policy, r Response, s Subject) Proposal {
	automatic, reason, why := approval(policy, r, s)
	p := Proposal{
		Response: r.Name, Action: r.Action, Target: s.Key, UID: s.UID, TTLSeconds: r.TTLSeconds,
		Automatic: automatic, Reason: reason,
	}
	p.Message = fmt.Sprintf("%s is %s. %s.", s.Key, strings.ToLower(string(s.Verdict)), why)
	if s.Reason != "" {
		p.Message += " Finding: " + s.Reason
	}
	return p
}

// approval decides between acting and waiting: every reason to wait comes
// before the one to act.
func approval(policy Policy, r Response, s Subject) (automatic bool, reason, why string) {
	namespace, _, _ := strings.Cut(s.Name, "/")
	switch {
	case s.Foreign:
		return false, ReasonForeignEntity, "It waits for approval, because the investigation was not asked about it"
	case slices.Contains(policy.ProtectedNamespaces, namespace):
		return false, ReasonProtectedNamespace, fmt.Sprintf("It waits for approval, because namespace %s is protected", namespace)
	case s.Critical:
		return false, ReasonCriticalAsset, "It waits for approval, because the asset is critical"
	case r.AlwaysApprove:
		return false, ReasonAlwaysApprove, "It waits for approval, as the response says"
	case policy.Automation != AutomationFull:
		return false, ReasonAutomationSemi, "It waits for approval, as the automation level says"
	case s.Verdict != model.VerdictMalicious:
		return false, ReasonOnlySuspicious, "It waits for approval, because the verdict is not certain"
	case s.UID == "":
		return false, ReasonUIDUnknown, "It waits for approval, because the examined object is not identified"
	}
	return true, ReasonMaliciousAtFull, "It acts by itself, as the automation level says"
}
