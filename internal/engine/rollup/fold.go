package rollup

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Level says what an event is folded into. The numbers are kept on disk.
type Level byte

// The levels, from the finest to the coarsest.
const (
	// Single is an alert of its own.
	Single Level = iota
	// Place is the roll-up of one rule at one place.
	Place
	// Rule is the roll-up of one rule, wherever it fires.
	Rule
	// Source is the roll-up of all rules of a source.
	Source
)

// Levels is how many there are.
const Levels = 4

// sourceRule is the rule of a roll-up of all rules.
const sourceRule = "further-alerts"

// maxTitle is how many characters of a title are kept.
const maxTitle = 256

// Fold turns an event that was received at a time into one of the rolled-up
// alert that it belongs to. That has the severity of all that it holds, and the
// entities of the first. What rolls up more than one place keeps to itself: its
// first event would otherwise speak for all.
func Fold(a model.Alert, level Level, at time.Time) model.Alert {
	if level == Single {
		return a
	}
	place, further := model.Key{}, ""
	switch level {
	case Place:
		place = PlaceOf(a.Entities)
		further = fmt.Sprintf("%s (further alerts of this rule on %s)", cmp.Or(a.Title, a.Rule), place.Name)
	case Rule:
		further = cmp.Or(a.Title, a.Rule) + " (further alerts of this rule)"
	case Source:
		a.Rule, a.Tactics, a.Techniques = sourceRule, nil, nil
		further = "Further alerts of " + a.Source
	}
	a.Title = shorten(a.Title, further)
	a.CorrelationDisabled = a.CorrelationDisabled || level != Place
	a.ProviderIncident = ""
	sum := digestOf("RollUp", a.Source, string(rune('0'+level)), a.Rule, a.Severity.String(), place.String())
	a.Fingerprint = hex.EncodeToString(sum[:])
	a.Last = near(a.Last, at)
	if a.First = near(a.First, at); a.First.After(a.Last) {
		a.First = a.Last
	}
	return a
}

// near keeps a time that is believed: one of the sender's own that is further
// off would open and end rolled-up alerts at the sender's will.
func near(t, at time.Time) time.Time {
	if at.Sub(t).Abs() >= Hour {
		return at
	}
	return t
}

// shorten cuts the title of the event, not what is said behind it.
func shorten(title, further string) string {
	excess := utf8.RuneCountInString(further) - maxTitle
	if excess <= 0 {
		return further
	}
	runes := []rune(title)
	if keep := len(runes) - excess - 1; keep > 0 && strings.HasPrefix(further, title) {
		return string(runes[:keep]) + "…" + further[len(title):]
	}
	return string([]rune(further)[:maxTitle-1]) + "…"
}

// PlaceOf is where an alert happened: its workload, or the one that its pod's name
// tells of, its node or device; else the first asset that was hit. It is the zero
// key where no asset is named.
func PlaceOf(entities []model.Entity) model.Key {
	for _, kind := range []model.EntityKind{model.KindWorkload, model.KindPod, model.KindNode, model.KindDevice} {
		for _, e := range entities {
			if e.Kind == kind {
				return owner(e.Key)
			}
		}
	}
	for _, e := range entities {
		if e.Category == model.CategoryAsset {
			return e.Key
		}
	}
	return model.Key{}
}

// What controllers put behind a name to name pods: a hash in an alphabet that
// spells no words, for a Deployment after another one; a number. What follows
// stands for any of the pods.
var (
	random  = regexp.MustCompile(`^(.+?)(-[bcdfghjklmnpqrstvwxz2456789]{6,10}|-[0-9]{8})?-[bcdfghjklmnpqrstvwxz2456789]{5}$`)
	ordinal = regexp.MustCompile(`^(.+)-[0-9]{1,4}$`)
)

func owner(k model.Key) model.Key {
	if k.Kind != model.KindPod {
		return k
	}
	for _, name := range []*regexp.Regexp{random, ordinal} {
		if found := name.FindStringSubmatch(k.Name); found != nil {
			return model.Key{Kind: k.Kind, Name: found[1] + "-*"}
		}
	}
	return k
}
