// Package wire stands between a manager under test and the API server. It
// numbers every write, spoils the one that a fault names, and holds back the
// watch frames of chosen kinds.
//
// A Wire lasts for a whole run; every process of the run, the one that crashes
// and the one that follows it, speaks through a Line of its own.
package wire
