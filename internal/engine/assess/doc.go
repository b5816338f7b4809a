// Package assess weighs what an analyzer saw of an entity, and what the
// incident's alerts say of it, into a verdict with its reasons.
//
// Each finding has points; the table is the whole of the judgement. Analyzers
// gather the facts, this package decides.
package assess
