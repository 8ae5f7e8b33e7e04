package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// rootAge reports how old the built-in root is, if it is used. An offline host cannot
// learn that a service has new keys, so an old root is a warning.
func (s *session) rootAge() {
	builtIn := func(a Anchor) bool { return a.Source == trust.SourceBuiltin }
	if !slices.ContainsFunc(s.rep.Anchors, builtIn) {
		return
	}
	age := s.rep.VerifiedAt.Sub(trust.BuiltinCurrent)
	f := check.Fault{ID: check.TrustRootAge, Subject: "built-in",
		Detail: fmt.Sprintf("the built-in root was the current one on %s, %d days before the time of verification",
			trust.BuiltinCurrent.Format(time.DateOnly), int(age.Hours()/24))}
	if age > trust.BuiltinMaxAge {
		f.Warn = true
		f.Expected, f.Found = "at most 365 days", fmt.Sprintf("%d days", int(age.Hours()/24))
		s.fault(bundleWide, f)
		return
	}
	if age < 0 {
		f.Detail = "the built-in root was the current one on " + trust.BuiltinCurrent.Format(time.DateOnly)
	}
	s.pass(bundleWide, f)
}

// builtInRoot refuses what came with the program, where the policy does.
func (s *session) builtInRoot() {
	if s.opt.Policy == nil || !s.opt.Policy.RefuseBuiltInRoot {
		return
	}
	f := check.Fault{ID: check.PolicyBuiltInRoot}
	for _, a := range s.rep.Anchors {
		if a.Source == trust.SourceBuiltin && s.needsRoot() {
			f.Detail = "the policy refuses the built-in root and logs, and no others were given"
			f.Expected, f.Found = "a trusted root or a log key that was given", "built-in"
			s.fault(bundleWide, f)
			return
		}
	}
	s.pass(bundleWide, f)
}

// needsRoot reports whether anything that is demanded rests on a log or on an
// authority.
func (s *session) needsRoot() bool {
	if len(s.opt.Policy.Rules) == 0 {
		return true
	}
	return slices.ContainsFunc(s.opt.Policy.Rules, func(r Rule) bool {
		return !r.LogOptional && !s.opt.LogOptional || len(r.Identities)+len(s.opt.Identities) > 0
	})
}

// ofAnotherInstance returns the cause of a failure if only the built-in root was there
// to judge the certificate, and no authority of that root issued it.
func (j *judgement) ofAnotherInstance() check.Cause {
	given := func(a Anchor) bool { return a.Kind == "root" && a.Source != trust.SourceBuiltin }
	if j.leaf == nil || j.issued || len(j.domain.CAs) == 0 || slices.ContainsFunc(j.s.rep.Anchors, given) {
		return ""
	}
	return check.CauseBuiltIn
}
