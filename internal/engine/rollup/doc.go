// Package rollup decides which alerts of a flood are kept one by one and which
// are folded into one rolled-up alert, and what is remembered of those.
//
// What is counted are distinct fingerprints: repetitions are the business of
// deduplication. The counters are kept for each rule, severity and place, so
// that an attack that spreads from place to place is not taken for noise, and
// noise of a low severity does not hide what is severe.
package rollup
