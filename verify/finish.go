package verify

import (
	"slices"

	"github.com/gapseal/gapseal/internal/check"
)

func (s *session) faults(list []*check.Fault) {
	for _, f := range list {
		s.rec.fault(bundleWide, f)
	}
}

// unproven is the last line of defence: without a failed check, each image must
// have a signature that counts. If not, the fault is ours.
func (s *session) unproven() {
	if s.rec.any(Fail) {
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
	rep.Verdict = Verified
	failed := map[int]bool{}
	for _, a := range s.rec.sorted() {
		if a.ID == check.RekorTime && a.Remedy != "" && rep.Clock.Source != clockHost {
			a.Remedy = "correct the time given with --at"
		}
		rep.Checks = append(rep.Checks, a.Check)
		if a.Status == Fail {
			rep.Failures = append(rep.Failures, a.Check)
			rep.Verdict = Rejected
			failed[a.image] = true
		}
	}
	for i := range rep.Images {
		rep.Images[i].Verdict = Verified
		if failed[i] || failed[bundleWide] {
			rep.Images[i].Verdict = Rejected
		}
	}
	s.totals(&rep)
	return rep
}

// waivers shows each waiver among the checks, too.
func (s *session) waivers() {
	for _, w := range s.opt.Waivers {
		s.rec.add(bundleWide, Warn, check.Fault{ID: check.PolicyWaiver, Detail: "a rule was waived: " + w})
	}
}

// exportWaivers tells of what export was told to overlook.
func (s *session) exportWaivers() {
	for _, w := range s.c.Inventory.Waivers {
		s.rec.add(bundleWide, Warn, check.Fault{ID: check.PolicyExportWaiver, Detail: "export wrote this bundle with a waiver", Found: w})
	}
}

// totals counts what a signature that counts speaks for, and what was only
// carried.
func (s *session) totals(rep *Report) {
	if rep.Verdict != Verified || s.graph == nil {
		rep.Totals.UnjudgedBytes = rep.Totals.Bytes
		return
	}
	rep.Totals.UnjudgedBytes = min(s.unjudgedBytes(), rep.Totals.Bytes)
	rep.Totals.JudgedBytes = rep.Totals.Bytes - rep.Totals.UnjudgedBytes
}
