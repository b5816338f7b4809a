// Package actions holds what a remediation can do: one file an action, and a
// table of them.
//
// An action is rendered first. The plan says exactly what will be done, as a
// value that has a digest and in words; approvals are of the digest. Then it is
// rehearsed (a dry run), carried out, looked at, and undone, always with a
// client that acts as the tenant's service account, and only ever on the object
// with the UID that was meant and on what the same remediation made.
//
// An action whose target is reconciled by a GitOps tool will have to pause that
// tool: as one more step of the plan, beside those that steps returns.
package actions
