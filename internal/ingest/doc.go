// Package ingest brings alerts in: HTTP gateway, local spool, one decoder for
// each format, and the drain that writes Alert resources exactly once.
//
//	sender --> gateway: authenticate, bound, check --> spool (fsync) --> 202
//	spool --> drain: decode, fingerprint, deduplicate --> Alert, AlertSource status
//
// A decoder is a pure function of a record and the time it was received. It
// never fails for a strange value where an alert can still be told: what cannot
// be understood is left out, what is too long is cut.
package ingest
