package lifecycle

import "time"

const (
	// approvalLimit is how long a remediation waits for a decision, as in
	// Microsoft Defender XDR.
	approvalLimit = 7 * 24 * time.Hour
	// actingLimit is how long it is tried to act, or to undo: an asset that is
	// offline may come back, for three days.
	actingLimit = 3 * 24 * time.Hour
	// deletionLimit is how long a deletion waits for the effect to be undone. A
	// namespace that is being deleted takes the rights to undo with it, and must
	// not hang for days.
	deletionLimit = time.Hour

	// firstPause follows the first failed attempt; it doubles with each.
	firstPause = 5 * time.Second
	// longestPause bounds the attempts, each of them two writes, to some 450 in three days.
	longestPause = 10 * time.Minute
	// refusedPause follows a refusal that was found without an attempt: two
	// reads and no write, so that a right that is granted shows within a minute.
	refusedPause = 45 * time.Second
	// underwayPause is for what takes its time, as a pod that shuts down.
	underwayPause = 5 * time.Second
	// holdingPause is how soon it is noticed that somebody took the effect away.
	holdingPause = time.Minute
	// reviewPause is how soon a verb that is granted to an approver is noticed.
	reviewPause = 5 * time.Minute
)

// pause is how long to wait after the given number of failed attempts.
func pause(attempts int) time.Duration {
	p := firstPause
	for range attempts - 1 {
		if p *= 2; p >= longestPause {
			return longestPause
		}
	}
	return p
}

// left is how much of a limit remains; nothing has passed of one that has not begun.
func left(since time.Time, limit time.Duration, now time.Time) time.Duration {
	if since.IsZero() {
		return limit
	}
	return max(0, min(limit, limit-now.Sub(since)))
}

// due is how long to wait before the next attempt.
func due(r Record, attempts int, now time.Time) time.Duration {
	if attempts == 0 {
		return 0
	}
	return left(r.LastAttempt, pause(attempts), now)
}
