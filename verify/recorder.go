package verify

import (
	"cmp"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
)

// answer is a check with what only the judgement needs to know.
type answer struct {
	Check
	image int // index of the image it is about; bundleWide otherwise
}

const bundleWide = -1

// recorder collects answers. No answer hides another.
type recorder struct{ answers []answer }

func (r *recorder) add(image int, s Status, f check.Fault) {
	c := Check{ID: f.ID, Class: f.ID.Class(), Status: s, Subject: Text(f.Subject), Detail: f.Detail, Expected: Text(f.Expected), Found: Text(f.Found)}
	if q, ok := check.Lookup(f.ID); ok {
		if s == Fail || s == Warn {
			c.Remedy = Text(q.Remedy)
		}
		if c.Detail == "" {
			c.Detail = q.Asks
		}
	}
	r.answers = append(r.answers, answer{c, image})
}

// fault records a fail, or a warn for a fault that is no reason to reject.
func (r *recorder) fault(image int, f *check.Fault) {
	if f.Warn {
		r.add(image, Warn, *f)
		return
	}
	r.add(image, Fail, *f)
}

// has reports whether any answer of that status is about id.
func (r *recorder) has(id check.ID, s Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.ID == id && a.Status == s })
}

// any reports whether any answer has that status.
func (r *recorder) any(s Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.Status == s })
}

// strict turns warnings into failures.
func (r *recorder) strict() {
	for i := range r.answers {
		if r.answers[i].Status == Warn {
			r.answers[i].Status = Fail
		}
	}
}

// sorted returns the answers in the order of cause.
func (r *recorder) sorted() []answer {
	slices.SortStableFunc(r.answers, func(a, b answer) int { return cmp.Compare(check.Rank(a.ID), check.Rank(b.ID)) })
	return r.answers
}
