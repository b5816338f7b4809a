package incident

import (
	"cmp"
	"slices"
	"time"
)

// Redirect is where an incident was merged into, and why.
type Redirect struct {
	To string
	// By is the person who asked for it; empty where correlation did it.
	By, Why string
}

// Source is an incident that was merged into another one, with what it brings
// there: its own, and what it was brought itself.
type Source struct {
	Name string
	Redirect
	// At is when it was merged.
	At time.Time
	// Title is one given by a person, TitleFrom the incident that it was given to.
	Title, TitleFrom string
	Comments         []Comment
	Tags             []Tag
	Activities       []Activity
	// CommentTotal counts the comments, where there were more.
	CommentTotal int
}

// Comment is a comment of an incident that was merged into another one.
type Comment struct {
	// Incident is where it was made.
	Incident     string
	Time         time.Time
	Author, Text string
}

// Tag is a tag of an incident that was merged into another one.
type Tag struct{ Incident, Tag string }

// inOrder sorts merged incidents by when that was.
func inOrder(merged []Source) []Source {
	out := slices.Clone(merged)
	slices.SortFunc(out, func(a, b Source) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name)) })
	return out
}

// carry takes over what merged incidents bring. What was taken over before
// stays, also when they are deleted.
//
// They offer the same again each time, also what was cut. Of comments of one
// moment theirs come first, in their order, so that the same is cut again.
func (s *Summary) carry(sources []Source, was Summary) {
	s.TitleFrom = was.TitleFrom
	if s.TitleFrom != "" {
		s.Title = was.Title
	}
	names, total := slices.Clone(was.MergedFrom), 0
	s.Tags = slices.Clone(was.Tags)
	for _, source := range sources {
		names = append(names, source.Name)
		total += source.CommentTotal
		s.Comments = append(s.Comments, source.Comments...)
		s.Tags = append(s.Tags, source.Tags...)
		if s.TitleFrom == "" && source.Title != "" {
			s.Title, s.TitleFrom = source.Title, source.TitleFrom
		}
	}
	names = once(names, func(name string) string { return name })
	s.Counts.MergedFrom = max(was.Counts.MergedFrom, len(names))
	s.MergedFrom = firstOf(names, maxMergedFrom)
	slices.Sort(s.MergedFrom)
	s.Tags = firstOf(once(s.Tags, func(t Tag) string { return t.Tag }), maxTags)
	s.Comments = once(append(s.Comments, was.Comments...), func(c Comment) Comment { return c })
	slices.SortStableFunc(s.Comments, func(a, b Comment) int { return a.Time.Compare(b.Time) })
	s.Counts.Comments = max(was.Counts.Comments, total, len(s.Comments))
	s.Comments = lastOf(s.Comments, maxComments)
}

// once keeps the first of those with the same key.
func once[T any, K comparable](list []T, key func(T) K) []T {
	seen := map[K]bool{}
	return slices.DeleteFunc(list, func(item T) bool {
		k := key(item)
		known := seen[k]
		seen[k] = true
		return known
	})
}
