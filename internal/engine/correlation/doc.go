// Package correlation decides which incident an alert belongs to, and why.
//
// One idea carries it: an alert joins an incident when it would be too much of
// a coincidence that it did not belong there. Evidence is counted in bits;
// each bit halves the odds that chance alone explains it. Two things give
// bits: what the alert shares with the incident (an entity: the rarer, the
// more), and how unlikely it was that this rule would fire on this asset so
// soon after the incident's last sign of life, given how often it fires there
// anyway. Steady noise therefore never joins by being there, and a signature
// that is new here joins readily.
//
// An Engine serves one tenant. It is a pure function of what it was told: no
// clock, no I/O, no randomness; the same alerts in the same order give the same
// decisions, and an engine rebuilt with Restore, in any order, decides as the
// one it replaces.
package correlation
