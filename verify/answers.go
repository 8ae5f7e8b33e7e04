package verify

import (
	"cmp"
	"slices"

	"github.com/gapseal/gapseal/verify/check"
)

// answer is a check with what only the judgement needs to know.
type answer struct {
	Check
	image int // index of the image it is about; bundleWide otherwise
}

const bundleWide = -1

// recorder collects answers. No answer hides another.
type recorder struct {
	answers []answer
	advise  func(*check.Fault) string // may be nil
}

// remedy returns what to do about a fault: what the caller advises, or else what
// package check knows.
func (r *recorder) remedy(f *check.Fault) Text {
	if r.advise != nil {
		if s := r.advise(f); s != "" {
			return Text(s)
		}
	}
	return Text(check.Remedy(f))
}

func (r *recorder) add(image int, s check.Status, f check.Fault) {
	c := Check{ID: f.ID, Class: f.ID.Class(), Status: s, Subject: Text(f.Subject), Detail: f.Detail, Expected: Text(f.Expected), Found: Text(f.Found)}
	if s == check.Fail || s == check.Warn {
		c.Remedy = r.remedy(&f)
	}
	if q, ok := check.Lookup(f.ID); ok && c.Detail == "" {
		c.Detail = q.Asks
	}
	r.answers = append(r.answers, answer{c, image})
}

// fault records a fail, or a warn for a fault that is no reason to reject.
func (r *recorder) fault(image int, f *check.Fault) {
	if f.Warn {
		r.add(image, check.Warn, *f)
		return
	}
	r.add(image, check.Fail, *f)
}

// has reports whether any answer of that status is about id.
func (r *recorder) has(id check.ID, s check.Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.ID == id && a.Status == s })
}

// any reports whether any answer has that status.
func (r *recorder) any(s check.Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.Status == s })
}

// strict turns warnings into failures.
func (r *recorder) strict() {
	for i := range r.answers {
		if r.answers[i].Status == check.Warn {
			r.answers[i].Status = check.Fail
		}
	}
}

// sorted returns the answers in the order of cause.
func (r *recorder) sorted() []answer {
	slices.SortStableFunc(r.answers, func(a, b answer) int { return cmp.Compare(check.Rank(a.ID), check.Rank(b.ID)) })
	return r.answers
}

func (s *session) faults(list []*check.Fault) {
	for _, f := range list {
		s.rec.fault(bundleWide, f)
	}
}

// unproven is the last line of defence: without a failed check, each image must
// have a signature that counts. If not, the fault is ours.
func (s *session) unproven() {
	if s.rec.any(check.Fail) {
		return
	}
	proven := len(s.rep.Images) > 0
	for i := range s.rep.Images {
		proven = proven && slices.ContainsFunc(s.rep.Images[i].Signatures, func(sig Signature) bool { return sig.Counts })
	}
	if !proven {
		s.bundleFault(&check.Fault{ID: check.Internal, Detail: "no check failed, and yet an image has no signature that counts"})
	}
}

// finish turns answers about a bundle into a report.
func (s *session) finish() Report {
	s.structural()
	s.budgets()
	return s.conclude()
}

// conclude turns answers into a report.
func (s *session) conclude() Report {
	s.waivers()
	if s.opt.Strict {
		s.rec.strict()
	}
	rep := s.rep
	rep.Images = append([]Image{}, s.rep.Images...)
	rep.Verdict = check.Verified
	failed := map[int]bool{}
	for _, a := range s.rec.sorted() {
		rep.Checks = append(rep.Checks, a.Check)
		if a.Status == check.Fail {
			rep.Failures = append(rep.Failures, a.Check)
			rep.Verdict = check.Rejected
			failed[a.image] = true
		}
	}
	for i := range rep.Images {
		rep.Images[i].Verdict = check.Verified
		if failed[i] || failed[bundleWide] {
			rep.Images[i].Verdict = check.Rejected
		}
	}
	s.totals(&rep)
	return rep
}

// waivers shows each waiver among the checks, too.
func (s *session) waivers() {
	for _, w := range s.rep.Waivers {
		s.rec.add(bundleWide, check.Warn, check.Fault{ID: check.PolicyWaiver, Detail: "a rule was waived: " + w})
	}
}

// exportWaivers tells of what export was told to overlook.
func (s *session) exportWaivers() {
	for _, w := range s.c.Inventory.Waivers {
		s.rec.add(bundleWide, check.Warn, check.Fault{ID: check.PolicyExportWaiver, Detail: "export wrote this bundle with a waiver", Found: w})
	}
}

// totals counts what a signature that counts speaks for, and what was only
// carried.
func (s *session) totals(rep *Report) {
	if rep.Verdict != check.Verified || s.graph == nil {
		rep.Totals.UnjudgedBytes = rep.Totals.Bytes
		return
	}
	rep.Totals.UnjudgedBytes = min(s.unjudgedBytes(), rep.Totals.Bytes)
	rep.Totals.JudgedBytes = rep.Totals.Bytes - rep.Totals.UnjudgedBytes
}

// structural adds a pass for each check of the file and its documents that found
// nothing, and a skip where an earlier failure kept it from being asked.
func (s *session) structural() {
	s.passes(scoped(check.OfFile), !s.whole(), "not reached: the file cannot be read to its end")
	s.passes(scoped(check.OfDocuments), s.c == nil, "not reached: the inventory cannot be read")
}

// scoped lists the checks of a scope.
func scoped(scope check.Scope) (ids []check.ID) {
	for _, q := range check.Table {
		if q.Scope == scope {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

func (s *session) passes(ids []check.ID, broken bool, why string) {
	for _, id := range ids {
		if s.rec.has(id, check.Fail) || s.rec.has(id, check.Warn) {
			continue
		}
		if broken {
			s.rec.add(bundleWide, check.Skip, check.Fault{ID: id, Detail: why})
			continue
		}
		s.rec.add(bundleWide, check.Pass, check.Fault{ID: id})
	}
}
