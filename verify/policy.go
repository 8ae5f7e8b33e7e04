package verify

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// unsignedImages refuses whatever could be run and has no signature: an image
// dressed up as evidence, or an unsigned one that travels with others.
func (s *session) unsignedImages() {
	for i, g := range s.graph.Images {
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil {
				continue
			}
			if _, ok := m.EvidenceKind(); !ok {
				s.rec.fault(i, &check.Fault{ID: check.PolicyUnsigned, Subject: string(ev.Digest),
					Detail: "is listed as evidence for " + string(ev.Subject) + " but could be run or installed, and carries no signature of its own", Expected: "layers of evidence types only", Found: describeLayers(m)})
			}
		}
		if len(s.graph.Images) > 1 && !s.rooted[i] {
			s.rec.fault(i, &check.Fault{ID: check.PolicyUnsigned, Subject: string(g.Digest), Detail: "rides along without a signature, so the whole bundle is refused", Found: g.Reference})
		}
	}
}

func describeLayers(m *oci.Manifest) string {
	if oci.IsIndex(m.MediaType) {
		return "an index"
	}
	types := []string{m.Config.MediaType}
	for _, l := range m.Layers {
		if !slices.Contains(types, l.MediaType) && len(types) < 4 {
			types = append(types, l.MediaType)
		}
	}
	return strings.Join(types, ", ")
}

// demandedImages checks that what the operator came for is there.
func (s *session) demandedImages() {
	for _, want := range s.opt.Images {
		if f := s.demanded(want); f != nil {
			s.bundleFault(f)
		} else {
			s.rec.add(bundleWide, check.Pass, check.Fault{ID: check.PolicyImage, Subject: want.String()})
		}
	}
}

// demanded looks for an image under the reference asked for. Where a tag was
// asked for, no other image may claim it: which of them a reader takes, nobody
// could say.
func (s *session) demanded(want oci.Reference) *check.Fault {
	f := &check.Fault{ID: check.PolicyImage, Subject: want.Name(), Expected: want.String(), Detail: "the image asked for is not in the bundle"}
	var others []string
	found := false
	for _, g := range s.graph.Images {
		ref, err := oci.ParseReference(g.Reference)
		switch {
		case err != nil || !sameName(ref, want):
			others = append(others, g.Reference)
		case want.Digest == "" || want.Digest == g.Digest:
			found = true
		case f.Found == "":
			f.Detail, f.Expected, f.Found = "the bundle holds another image under that reference", string(want.Digest), string(g.Digest)
		}
	}
	if found && (want.Tag == "" || f.Found == "") {
		return nil
	}
	f.Found = cmp.Or(f.Found, someOf(others))
	return f
}

func someOf(list []string) string {
	if len(list) > 10 {
		list = append(list[:10], fmt.Sprintf("and %d more", len(list)-10))
	}
	return strings.Join(list, ", ")
}

// sameName reports whether a claimed reference answers to the one asked for. A
// reference by digest alone matches any tag of its repository.
func sameName(claimed, want oci.Reference) bool {
	return claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
}

// bound says what, beyond the bundle's own word, binds the reference.
func (s *session) bound(i int, g *bundle.ImageGraph, ref oci.Reference) {
	img := &s.rep.Images[i]
	for _, want := range s.opt.Images {
		if want.Digest == g.Digest && sameName(ref, want) && want.Tag == ref.Tag {
			img.BoundBy = check.BoundByDigest
		}
	}
	if img.BoundBy != check.BoundByDigest && img.BoundBy != check.BoundByPolicy && s.rep.Seal != nil {
		img.BoundBy = check.BoundBySeal
	}
	if img.BoundBy == check.BoundByDigest || img.BoundBy == check.BoundByPolicy || img.BoundBy == check.BoundBySeal || img.BoundBy == check.BoundByName && ref.Tag == "" {
		s.rec.add(i, check.Pass, check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Found: img.ClaimedReference})
		return
	}
	detail := "no signature covers this reference, it is only what export was asked for"
	if img.BoundBy == check.BoundByName {
		detail = "the signature names the repository, but no signature says that this is what the tag stands for now"
	}
	s.rec.fault(i, &check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Detail: detail, Found: img.ClaimedReference, Warn: true})
}

// Policy is what must hold for a verdict, written down once. It adds to the
// demands of [Options]; package policy reads it from a file.
type Policy struct {
	Name, Path, Digest string // of the file, for the report

	Rules         []Rule // the first that matches an image's reference is its rule
	JudgeUnlisted bool   // judge an image that no rule matches by the options alone, instead of refusing it

	MaxImages      int      // zero allows any number
	MaxBytes       int64    // of the bundle; zero allows any number
	Transfer       []string // fields that the transfer record must have, by their names in [Transfer.Fields]
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

// Covers reports whether whatever another pattern matches, this one matches too.
// It may miss that where both have a * within one part of the name.
func (r *Rule) Covers(pattern string) bool {
	repository, tag := splitPattern(pattern)
	m := newMatcher(r.Pattern)
	if strings.Contains(repository, "**") && !strings.Contains(r.Pattern, "**") {
		return false // it reaches across slashes, and r does not
	}
	return m.repository.MatchString(repository) && (m.tag == nil || tag != "" && m.tag.MatchString(tag))
}

// matcher is a pattern ready to be held against claimed references.
type matcher struct{ repository, tag *regexp.Regexp }

func newMatcher(pattern string) matcher {
	repository, tag := splitPattern(pattern)
	m := matcher{repository: glob(repository)}
	if tag != "" {
		m.tag = glob(tag)
	}
	return m
}

func (m matcher) matches(ref oci.Reference) bool {
	return m.repository.MatchString(ref.Repository) && (m.tag == nil || m.tag.MatchString(ref.Tag))
}

// Named returns the names by which the operator knows images: what was asked
// for, and each rule of the policy that stands for one name with its tag alone: a
// repository may well hold an older line beside a newer. Never one that the bundle
// gives.
func (o *Options) Named() []oci.Reference {
	list := slices.Clone(o.Images)
	if o.Policy == nil {
		return list
	}
	for _, r := range o.Policy.Rules {
		if repository, tag := splitPattern(r.Pattern); tag != "" && !strings.Contains(r.Pattern, "*") {
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

func glob(pattern string) *regexp.Regexp {
	q := regexp.QuoteMeta(pattern)
	q = strings.ReplaceAll(q, `\*\*`, `.*`)
	q = strings.ReplaceAll(q, `\*`, `[^/]*`)
	return regexp.MustCompile(`^(?:` + q + `)$`)
}

// ruleFor returns the first rule of the policy that matches, nil if none does.
func (s *session) ruleFor(ref oci.Reference) *Rule {
	p := s.opt.Policy
	for i := len(s.matchers); i < len(p.Rules); i++ {
		s.matchers = append(s.matchers, newMatcher(p.Rules[i].Pattern))
	}
	for i, m := range s.matchers {
		if m.matches(ref) {
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
	s.rec.add(i, check.Pass, f)
}

// allowed asks an image what each source of demands allows: digests, and
// platforms.
func (s *session) allowed(i int, g *bundle.ImageGraph, d *demands) {
	if d.unlisted {
		return
	}
	for _, from := range d.each {
		s.pinnedDigest(i, g, d.rule, from)
		s.onlyPlatforms(i, g, from)
	}
}

func (p *Policy) patterns() string {
	list := make([]string, len(p.Rules))
	for i, r := range p.Rules {
		list[i] = r.Pattern
	}
	return someOf(list)
}

// pinnedDigest asks for one of the digests that a source of demands pins. A rule
// whose pattern stands for this one name binds the name by it.
func (s *session) pinnedDigest(i int, g *bundle.ImageGraph, rule *Rule, from *Demands) {
	if len(from.Digests) == 0 {
		return
	}
	ofRule := rule != nil && from == &rule.Demands
	f := check.Fault{ID: check.PolicyDigest, Subject: string(g.Digest), Found: string(g.Digest)}
	if slices.Contains(from.Digests, g.Digest) {
		ref, err := oci.ParseReference(g.Reference)
		if err == nil && ofRule && ref.Name() == rule.Pattern {
			s.rep.Images[i].BoundBy = check.BoundByPolicy
		}
		s.rec.add(i, check.Pass, f)
		return
	}
	var pins []string
	for _, p := range from.Digests {
		pins = append(pins, string(p))
	}
	f.Detail, f.Expected = "other digests are pinned for the image", someOf(pins)
	if ofRule {
		f.Detail = "the policy pins other digests for " + rule.Pattern
	}
	s.rec.fault(i, &f)
}

// onlyPlatforms refuses a platform that a source of demands does not allow.
func (s *session) onlyPlatforms(i int, g *bundle.ImageGraph, from *Demands) {
	if len(from.OnlyPlatforms) == 0 {
		return
	}
	var allowed []string
	for _, p := range from.OnlyPlatforms {
		allowed = append(allowed, p.String())
	}
	f := check.Fault{ID: check.PolicyPlatform, Subject: string(g.Digest),
		Expected: strings.Join(allowed, ", "), Found: strings.Join(g.Carried, ", ")}
	refused := slices.ContainsFunc(g.Tree, func(n bundle.TreeNode) bool {
		return s.isPlatform(n) && !s.allowedPlatform(n, from.OnlyPlatforms)
	})
	if refused {
		f.Detail = "the bundle carries a platform that is not allowed"
		s.rec.fault(i, &f)
		return
	}
	s.rec.add(i, check.Pass, f)
}

// allowedPlatform reports whether a manifest that could be run is for one of the
// platforms, by the index and by its own config, as far as they say. One of which
// nobody says what it is for is not.
func (s *session) allowedPlatform(n bundle.TreeNode, allowed []oci.Platform) bool {
	said := false
	if p := n.Platform; p != nil && p.OS != "unknown" {
		said = true
		if !slices.ContainsFunc(allowed, p.Matches) {
			return false
		}
	}
	c, _ := s.graph.Config(s.graph.Manifests[n.Digest].Config.Digest)
	if c == nil || c.Platform().OS == "" || c.Platform().OS == "unknown" {
		return said
	}
	own := c.Platform() // which often leaves the variant out
	return slices.ContainsFunc(allowed, func(p oci.Platform) bool { return p.OS == own.OS && p.Architecture == own.Architecture })
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
			s.rec.add(bundleWide, check.Pass, check.Fault{ID: f.ID, Subject: f.Subject})
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
		s.rec.add(bundleWide, check.Pass, f)
	}
}

// demandsOn returns the demands on an image known by a reference: those of the
// options, joined by those of the first rule of the policy that matches it.
func (s *session) demandsOn(ref oci.Reference) *demands {
	d := &demands{}
	d.join(&s.opt.Demands)
	p := s.opt.Policy
	if p == nil {
		return d
	}
	if d.rule = s.ruleFor(ref); d.rule == nil {
		d.unlisted = !p.JudgeUnlisted
		return d
	}
	d.join(&d.rule.Demands)
	return d
}

// anchoredImage refuses an image that nothing pinned could vouch for, where
// other images of the bundle have what could.
func (s *session) anchoredImage(i int, g *bundle.ImageGraph, d *demands) {
	if d.anchored() || d.unlisted || !s.anyone.anchored() {
		return // told of the rule, or of the bundle as a whole
	}
	s.rec.fault(i, &check.Fault{ID: check.TrustUnanchored, Subject: string(g.Digest), Detail: "nothing was pinned that could vouch for this image: neither by its rule of the policy nor for all images", Cause: check.CauseRule,
		Expected: "keys or identities, in the rule or for all images", Found: "none"})
}
