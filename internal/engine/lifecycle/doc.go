// Package lifecycle decides what a remediation does next. It sees values only:
// what was asked, what is remembered, what was observed, and the time.
//
// The states, and every step between them (I8 of the trust model):
//
//	(new) ------------> PendingApproval | InProgress (Automatic) | Failed | Cancelled
//	PendingApproval --> InProgress | Succeeded | Rejected | Expired | Cancelled | Failed | TimeOut
//	InProgress -------> Succeeded | Failed | TimeOut | Cancelled | Rejected | Undone
//	                    | PendingApproval (the plan changed before the first attempt)
//	Succeeded --------> Undone | TimeOut (could not be undone) | InProgress (somebody
//	                    took the effect away; it is put back) | Cancelled | Rejected
//	                    (the same, but it may not be put back)
//	Undone, Failed, TimeOut, Cancelled, Rejected, Expired: final
//
// PendingApproval reaches Succeeded, TimeOut and the like without InProgress
// being seen where one reconciliation carries it all the way.
//
// A final state never changes. What a final remediation may still have in
// place (TimeOut) is taken back when it is deleted.
package lifecycle
