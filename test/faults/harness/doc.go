// Package harness plays a scenario against a real API server, undisturbed
// first and then under every perturbation, and judges each run by what it
// comes to and by the invariants.
//
// A new flow joins by one Scenario value and a call of Suite.
package harness
