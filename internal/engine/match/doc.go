// Package match says which alerts a person means: by the source that brought
// them, by the rule that fired, or by a CEL expression over what they say.
//
// Whatever is in an alert is hostile: an expression that fails on one, or would
// take too long, does not match it.
package match
