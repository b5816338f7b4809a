package model

import "slices"

// Tactic is an ATT&CK enterprise tactic in PascalCase, such as LateralMovement.
type Tactic string

// The ATT&CK enterprise tactics.
const (
	TacticReconnaissance      Tactic = "Reconnaissance"
	TacticResourceDevelopment Tactic = "ResourceDevelopment"
	TacticInitialAccess       Tactic = "InitialAccess"
	TacticExecution           Tactic = "Execution"
	TacticPersistence         Tactic = "Persistence"
	TacticPrivilegeEscalation Tactic = "PrivilegeEscalation"
	TacticDefenseEvasion      Tactic = "DefenseEvasion"
	TacticCredentialAccess    Tactic = "CredentialAccess"
	TacticDiscovery           Tactic = "Discovery"
	TacticLateralMovement     Tactic = "LateralMovement"
	TacticCollection          Tactic = "Collection"
	TacticCommandAndControl   Tactic = "CommandAndControl"
	TacticExfiltration        Tactic = "Exfiltration"
	TacticImpact              Tactic = "Impact"
)

// Tactics lists the tactics in the order of the ATT&CK enterprise matrix.
var Tactics = []Tactic{
	TacticReconnaissance, TacticResourceDevelopment, TacticInitialAccess, TacticExecution,
	TacticPersistence, TacticPrivilegeEscalation, TacticDefenseEvasion, TacticCredentialAccess,
	TacticDiscovery, TacticLateralMovement, TacticCollection, TacticCommandAndControl,
	TacticExfiltration, TacticImpact,
}

// Order is the tactic's place in the matrix, from 0; -1 when it is not known.
func (t Tactic) Order() int { return slices.Index(Tactics, t) }

// SortTactics orders tactics as the matrix does, drops unknown and repeated ones.
func SortTactics(in []Tactic) []Tactic {
	out := make([]Tactic, 0, len(in))
	for _, known := range Tactics {
		if slices.Contains(in, known) {
			out = append(out, known)
		}
	}
	return out
}
