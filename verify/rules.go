package verify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// Policy is what must hold for a verdict, written down once. It adds to the
// demands of [Options]; package policy reads it from a file.
type Policy struct {
	Name, Path, Digest string // of the file, for the report

	Rules         []Rule // the first that matches an image's reference is its rule
	JudgeUnlisted bool   // judge an image that no rule matches by the options alone, instead of refusing it

	MaxImages      int      // zero allows any number
	MaxBytes       int64    // of the bundle; zero allows any number
	Transfer       []string // fields that the transfer record must have, by their names in [TransferFields]
	RefuseRollback bool     // what is older than the register knows is refused, not warned of
}

// Rule is what a policy demands of the images it matches. Pattern is a
// repository, written in full, with or without a tag: * stands for any text
// without a slash, ** for any text, and without a tag any tag matches.
type Rule struct {
	Pattern  string
	Required bool // the bundle must hold an image that matches
	Demands
}

// Matches reports whether ref, an image's claimed reference, is one the rule is
// about.
func (r *Rule) Matches(ref oci.Reference) bool {
	repository, tag := splitPattern(r.Pattern)
	return glob(repository, ref.Repository) && (tag == "" || glob(tag, ref.Tag))
}

// Named returns the names by which the operator knows images: what was asked
// for, and each rule of the policy that stands for one name alone. Never one that
// the bundle gives.
func (o *Options) Named() []oci.Reference {
	list := slices.Clone(o.Images)
	if o.Policy == nil {
		return list
	}
	for _, r := range o.Policy.Rules {
		if !strings.Contains(r.Pattern, "*") {
			repository, tag := splitPattern(r.Pattern)
			list = append(list, oci.Reference{Repository: repository, Tag: tag})
		}
	}
	return list
}

// splitPattern cuts the tag off: what follows a colon behind the last slash.
func splitPattern(p string) (repository, tag string) {
	if i := strings.LastIndexByte(p, ':'); i > strings.LastIndexByte(p, '/') {
		return p[:i], p[i+1:]
	}
	return p, ""
}

func glob(pattern, s string) bool {
	q := regexp.QuoteMeta(pattern)
	q = strings.ReplaceAll(q, `\*\*`, `.*`)
	q = strings.ReplaceAll(q, `\*`, `[^/]*`)
	return regexp.MustCompile(`^(?:` + q + `)$`).MatchString(s)
}

func (p *Policy) rule(ref oci.Reference) *Rule {
	for i := range p.Rules {
		if p.Rules[i].Matches(ref) {
			return &p.Rules[i]
		}
	}
	return nil
}

// ruled asks an image what its rule says beyond signatures.
func (s *session) ruled(i int, g *bundle.ImageGraph, d *demands) {
	if s.opt.Policy == nil {
		return
	}
	f := check.Fault{ID: check.PolicyListed, Subject: string(g.Digest), Found: g.Reference}
	if d.unlisted {
		f.Detail, f.Expected = "no rule of the policy matches this image", s.opt.Policy.patterns()
		s.rec.fault(i, &f)
		return
	}
	s.rec.add(i, Pass, f)
	if len(d.Digests) > 0 {
		s.pinnedDigest(i, g, d)
	}
	s.onlyPlatforms(i, g, d)
}

func (p *Policy) patterns() string {
	list := make([]string, len(p.Rules))
	for i, r := range p.Rules {
		list[i] = r.Pattern
	}
	return someOf(list)
}

const boundByPolicy = "policy"

func (s *session) pinnedDigest(i int, g *bundle.ImageGraph, d *demands) {
	f := check.Fault{ID: check.PolicyDigest, Subject: string(g.Digest), Found: string(g.Digest)}
	if slices.Contains(d.Digests, g.Digest) {
		// A pattern that other names match, too, says nothing of this one.
		if ref, err := oci.ParseReference(g.Reference); err == nil && ref.Name() == d.rule.Pattern {
			s.rep.Images[i].BoundBy = boundByPolicy
		}
		s.rec.add(i, Pass, f)
		return
	}
	var pins []string
	for _, p := range d.Digests {
		pins = append(pins, string(p))
	}
	f.Detail, f.Expected = "the policy pins other digests for "+d.rule.Pattern, someOf(pins)
	s.rec.fault(i, &f)
}

func (s *session) onlyPlatforms(i int, g *bundle.ImageGraph, d *demands) {
	if len(d.OnlyPlatforms) == 0 {
		return
	}
	var allowed []string
	for _, p := range d.OnlyPlatforms {
		allowed = append(allowed, p.String())
	}
	f := check.Fault{ID: check.PolicyPlatform, Subject: string(g.Digest), Expected: strings.Join(allowed, ", "), Found: strings.Join(g.Carried, ", ")}
	stranger := slices.ContainsFunc(g.Carried, func(name string) bool {
		p, err := oci.ParsePlatform(name)
		return err != nil || !slices.ContainsFunc(d.OnlyPlatforms, p.Matches)
	})
	if stranger || len(g.Carried) == 0 {
		f.Detail = "the bundle carries a platform that the policy does not allow"
		s.rec.fault(i, &f)
		return
	}
	s.rec.add(i, Pass, f)
}

// requiredRules asks for an image of each rule that is not optional.
func (s *session) requiredRules() {
	if s.opt.Policy == nil {
		return
	}
	for i := range s.opt.Policy.Rules {
		r := &s.opt.Policy.Rules[i]
		if !r.Required {
			continue
		}
		f := check.Fault{ID: check.PolicyImage, Subject: r.Pattern, Detail: "the policy requires an image that the bundle does not hold", Expected: r.Pattern, Found: s.references()}
		if slices.ContainsFunc(s.demand, func(d *demands) bool { return d.rule == r }) {
			s.rec.add(bundleWide, Pass, check.Fault{ID: f.ID, Subject: f.Subject})
			continue
		}
		s.bundleFault(&f)
	}
}

func (s *session) references() string {
	var list []string
	for _, g := range s.graph.Images {
		list = append(list, g.Reference)
	}
	return someOf(list)
}

// budgets holds the bundle against what the policy allows of it.
func (s *session) budgets() {
	p := s.opt.Policy
	if p == nil || s.graph == nil {
		return
	}
	s.budget("images", int64(p.MaxImages), int64(len(s.graph.Images)))
	s.budget("bytes", p.MaxBytes, s.rep.Totals.Bytes)
}

func (s *session) budget(what string, allowed, found int64) {
	f := check.Fault{ID: check.PolicyBudget, Subject: what, Expected: fmt.Sprintf("at most %d %s", allowed, what), Found: fmt.Sprint(found)}
	switch {
	case allowed == 0:
	case found > allowed:
		f.Detail = "the bundle holds more than the policy allows"
		s.bundleFault(&f)
	default:
		s.rec.add(bundleWide, Pass, f)
	}
}
