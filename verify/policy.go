package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// demandsOn returns the demands on an image known by a reference: those of the
// options, joined by those of the first rule of the policy that matches it. Images
// for which the same rule applies share them.
func (s *session) demandsOn(ref oci.Reference) *demands {
	p := s.opt.Policy
	var rule *Rule
	if p != nil {
		if s.rules == nil {
			s.rules = p.Match()
		}
		rule = s.rules(ref)
	}
	if s.byRule[rule] == nil {
		d := &demands{rule: rule, unlisted: p != nil && rule == nil && !p.JudgeUnlisted}
		d.join(&s.opt.Demands)
		if rule != nil {
			d.join(&rule.Demands)
		}
		d.sortKeys(s.keys)
		s.byRule[rule] = d
	}
	return s.byRule[rule]
}

// listed asks whether the policy lists an image.
func (s *session) listed(i int, g *bundle.ImageGraph, d *demands) {
	p := s.opt.Policy
	if p == nil {
		return
	}
	f := check.Fault{ID: check.PolicyListed, Subject: string(g.Digest), Found: g.Reference}
	if !d.unlisted {
		s.pass(i, f)
		return
	}
	if s.patterns == "" {
		patterns := make([]string, len(p.Rules))
		for i, r := range p.Rules {
			patterns[i] = r.Pattern
		}
		s.patterns = someOf(patterns)
	}
	f.Detail, f.Expected = "no rule of the policy matches this image", s.patterns
	s.fault(i, f)
}

// anchored refuses an image for which nothing is pinned that could vouch, in a
// bundle where something is for other images.
func (s *session) anchored(i int, g *bundle.ImageGraph, d *demands) {
	sender := len(s.opt.SealKeys) > 0 && d.accepts(check.VouchedBySender)
	if d.Demands.anchored() || sender || d.unlisted || !s.anySigner.anchored() && !s.senderPinned() {
		return
	}
	s.fault(i, check.Fault{ID: check.TrustUnanchored, Cause: check.CauseRule, Subject: string(g.Digest),
		Detail: "nothing was pinned that could vouch for this image: " +
			"neither by its rule of the policy nor for all images",
		Expected: "keys or identities, in the rule or for all images", Found: "none"})
}

// allowed asks what each source of demands allows: digests and platforms.
func (s *session) allowed(i int, g *bundle.ImageGraph, d *demands) {
	if d.unlisted {
		return
	}
	for _, from := range d.each {
		s.pinnedDigest(i, g, d.rule, from)
		s.onlyPlatforms(i, g, from)
	}
}

// pinnedDigest asks for one of the digests that a source of demands pins. If the
// source is a rule whose pattern is the name of this one image, that binds the
// name.
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
		s.pass(i, f)
		return
	}
	pins := make([]string, len(from.Digests))
	for i, p := range from.Digests {
		pins[i] = string(p)
	}
	f.Detail, f.Expected = "other digests are pinned for the image", someOf(pins)
	if ofRule {
		f.Detail = "the policy pins other digests for " + rule.Pattern
	}
	s.fault(i, f)
}

// onlyPlatforms refuses a platform that a source of demands does not allow.
func (s *session) onlyPlatforms(i int, g *bundle.ImageGraph, from *Demands) {
	if len(from.OnlyPlatforms) == 0 {
		return
	}
	allowed := make([]string, len(from.OnlyPlatforms))
	for i, p := range from.OnlyPlatforms {
		allowed[i] = p.String()
	}
	f := check.Fault{ID: check.PolicyPlatform, Subject: string(g.Digest),
		Expected: strings.Join(allowed, ", "), Found: strings.Join(g.Carried, ", ")}
	refused := slices.ContainsFunc(g.Tree, func(n bundle.TreeNode) bool {
		return s.graph.Runs(n) && !s.allowedPlatform(n, from.OnlyPlatforms)
	})
	// An index may name one manifest for several platforms; the tree has it once.
	if refused || slices.ContainsFunc(g.Runnable, func(p oci.Platform) bool { return !among(p, from.OnlyPlatforms) }) {
		f.Detail = "the bundle carries a platform that is not allowed"
		s.fault(i, f)
		return
	}
	s.pass(i, f)
}

// among reports whether p is one of the allowed platforms. Without a variant, p
// is compared without one, as configs often leave it out.
func among(p oci.Platform, allowed []oci.Platform) bool {
	return slices.ContainsFunc(allowed, func(a oci.Platform) bool {
		return p.Matches(a) || p.Variant == "" && p.Matches(oci.Platform{OS: a.OS, Architecture: a.Architecture})
	})
}

// allowedPlatform reports whether something to run is for one of the platforms, by
// the index and by its own config, as far as each says. If neither says, an image is
// not; an artifact such as a Helm chart, which has no image config, has no platform.
func (s *session) allowedPlatform(n bundle.TreeNode, allowed []oci.Platform) bool {
	said := false
	if p := n.Platform; p != nil && p.OS != "unknown" {
		said = true
		if !slices.ContainsFunc(allowed, p.Matches) {
			return false
		}
	}
	m := s.graph.Manifests[n.Digest]
	c, _ := s.graph.Config(m.Config.Digest)
	if c == nil || c.OS == "" || c.Platform().IsUnknown() {
		return said || !m.HasImageConfig()
	}
	own := c.Platform()
	return slices.ContainsFunc(allowed, func(p oci.Platform) bool {
		return own.Matches(oci.Platform{OS: p.OS, Architecture: p.Architecture}) // it often leaves the variant out
	})
}

// unsignedImages refuses anything that could be run and has no signature: an image
// that is listed as evidence, or an unsigned image in a bundle with other images.
func (s *session) unsignedImages() {
	for i, g := range s.graph.Images {
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil {
				continue
			}
			if _, ok := s.graph.EvidenceKind(m); !ok {
				s.fault(i, check.Fault{ID: check.PolicyUnsigned, Subject: string(ev.Digest),
					Detail: "is listed as evidence for " + string(ev.Subject) +
						" but could be run or installed, and carries no signature of its own",
					Expected: "layers of evidence types only", Found: describeLayers(m)})
			}
		}
		if len(s.graph.Images) > 1 && !s.rooted[i] {
			s.fault(i, check.Fault{ID: check.PolicyUnsigned, Subject: string(g.Digest), Found: g.Reference,
				Detail: "the image has no signature, and the bundle holds others, so the whole bundle is refused"})
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

// demandedImages asks for each image that the operator demanded.
func (s *session) demandedImages() {
	for _, want := range s.opt.Images {
		if f := s.demanded(want); f != nil {
			s.fault(bundleWide, *f)
		} else {
			s.pass(bundleWide, check.Fault{ID: check.PolicyImage, Subject: want.String()})
		}
	}
}

// demanded looks for an image under the reference that was demanded. If the
// reference has a tag, no other image may claim the same name and tag: a program
// that loads the bundle could take either.
func (s *session) demanded(want oci.Reference) *check.Fault {
	f := &check.Fault{ID: check.PolicyImage, Subject: want.Name(), Expected: want.String(),
		Detail: "the image asked for is not in the bundle"}
	var others []string
	found := oci.Digest("")
	for _, g := range s.graph.Images {
		ref, err := oci.ParseReference(g.Reference)
		switch {
		case err != nil || !sameName(ref, want):
			others = append(others, g.Reference)
		case want.Digest == "" && found != "" && found != g.Digest:
			f.Detail = "two images of the bundle claim that name, so it is ambiguous; demand it by digest"
			f.Found = string(found + ", " + g.Digest)
		case want.Digest == "" || want.Digest == g.Digest:
			found = g.Digest
		case f.Found == "":
			f.Detail = "the bundle holds another image under that reference"
			f.Expected, f.Found = string(want.Digest), string(g.Digest)
		}
	}
	if found != "" && (want.Tag == "" || f.Found == "") {
		return nil
	}
	f.Found = cmp.Or(f.Found, someOf(others))
	return f
}

func someOf(list []string) string {
	if len(list) > 10 {
		list = append(list[:10:10], fmt.Sprintf("and %d more", len(list)-10))
	}
	return strings.Join(list, ", ")
}

// sameName reports whether a claimed reference has the name that was asked for. A
// reference by digest alone matches any tag of its repository.
func sameName(claimed, want oci.Reference) bool {
	return claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
}

// bound records what binds the reference to the digest, apart from the bundle's own
// claim.
func (s *session) bound(i int, g *bundle.ImageGraph, ref oci.Reference) {
	img := &s.rep.Images[i]
	for _, want := range s.opt.Images {
		if want.Digest == g.Digest && sameName(ref, want) && want.Tag == ref.Tag {
			img.BoundBy = check.BoundByDigest
		}
	}
	if s.locked(g) && weakly(img) {
		img.BoundBy = check.BoundByLock
	}
	if weakly(img) && s.rep.Seal != nil {
		img.BoundBy = check.BoundBySeal
	}
	f := check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Found: img.ClaimedReference}
	if other := s.alsoNamed(g, ref); other != "" && img.BoundBy != check.BoundByDigest && img.BoundBy != check.BoundByLock {
		s.fault(i, check.Fault{ID: check.PolicyUnbound, Subject: img.Digest, Warn: !s.demand[i].NamesBound,
			Detail:   "two images of the bundle claim the name " + check.Clip(ref.Name()) + ", so it is ambiguous",
			Expected: img.Digest, Found: string(other)})
		return
	}
	switch {
	case weakly(img) && s.demand[i].NamesBound:
		f.Detail = "it was demanded that names are bound, and nothing but the bundle or the signature gives this one"
		f.Expected = "a digest, a policy, a lock or a seal that binds the name"
		s.fault(i, f)
	case img.BoundBy == check.BoundByNone && img.VouchedBy != check.VouchedByNone:
		f.Detail, f.Warn = "nothing binds this name: "+unnamed(img)+", so the image could bear any other", true
		s.fault(i, f)
	case img.BoundBy == check.BoundByNone:
		f.Detail, f.Warn = "no signature covers this reference, it is only what export was asked for", true
		s.fault(i, f)
	case img.BoundBy == check.BoundByName && ref.Tag != "":
		f.Detail, f.Warn = "the signature names the repository, "+
			"but no signature says that this is what the tag stands for now", true
		s.fault(i, f)
	default:
		s.pass(i, f)
	}
}

// weakly reports whether at most the signature binds the name of an image.
func weakly(img *Image) bool {
	return img.BoundBy == check.BoundByName || img.BoundBy == check.BoundByNone
}

// unnamed says why what vouches for an image does not bind its name.
func unnamed(img *Image) string {
	if img.VouchedBy != check.VouchedBySignature {
		return "an attestation names no image"
	}
	for _, sig := range img.Signatures {
		if sig.Counts && sig.Form == check.FormSimpleSigning {
			return "the signature that counts was made for another name, which is accepted"
		}
	}
	return "a Sigstore bundle signs no name"
}

// requiredRules asks for an image of each rule that requires one.
func (s *session) requiredRules() {
	if s.opt.Policy == nil {
		return
	}
	for i := range s.opt.Policy.Rules {
		r := &s.opt.Policy.Rules[i]
		if !r.Required {
			continue
		}
		f := check.Fault{ID: check.PolicyImage, Subject: r.Pattern}
		if slices.ContainsFunc(s.demand, func(d *demands) bool { return d.rule == r }) {
			s.pass(bundleWide, f)
			continue
		}
		references := make([]string, len(s.graph.Images))
		for i, g := range s.graph.Images {
			references[i] = g.Reference
		}
		f.Detail = "the policy requires an image that the bundle does not hold"
		f.Expected, f.Found = r.Pattern, someOf(references)
		s.fault(bundleWide, f)
	}
}

// denied refuses an image that contains what the policy denies.
func (s *session) denied(i int, g *bundle.ImageGraph) {
	if s.opt.Policy == nil || len(s.opt.Policy.Deny.Digests) == 0 {
		return
	}
	f := check.Fault{ID: check.PolicyDeny, Subject: string(g.Digest)}
	for _, n := range g.Tree {
		for _, d := range s.contentOf(n.Digest) {
			if slices.Contains(s.opt.Policy.Deny.Digests, d) {
				f.Detail, f.Found = "the image contains a digest that the policy denies", string(d)
				s.fault(i, f)
				return
			}
		}
	}
	s.pass(i, f)
}

// contentOf lists a manifest and what it names.
func (s *session) contentOf(d oci.Digest) []oci.Digest {
	list := []oci.Digest{d}
	if m := s.graph.Manifests[d]; m != nil {
		list = append(list, m.Config.Digest)
		for _, l := range m.Layers {
			list = append(list, l.Digest)
		}
	}
	return list
}

// denied refuses a signature by a key or an identity that the policy denies.
func (j *judgement) denied() {
	if j.s.opt.Policy == nil || j.signer == nil {
		return
	}
	deny := &j.s.opt.Policy.Deny
	if f := j.signer.Fingerprint(); slices.Contains(deny.Keys, f) {
		j.fault(check.Fault{ID: check.PolicyDeny, Detail: "the policy denies the key that signed", Found: f})
	}
	if j.leaf == nil || len(deny.Identities) == 0 {
		return
	}
	id, err := cert.ReadIdentity(j.leaf)
	if err != nil {
		return // reported where an identity is demanded; without one, the key counts
	}
	for _, bad := range deny.Identities {
		if bad.Match(id) == nil {
			j.fault(check.Fault{ID: check.PolicyDeny, Detail: "the policy denies the identity that signed",
				Found: check.Clip(id.SAN)})
			return
		}
	}
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

// alsoNamed returns another digest for which the bundle claims the same name and tag,
// empty if there is none.
func (s *session) alsoNamed(g *bundle.ImageGraph, ref oci.Reference) oci.Digest {
	if ref.Tag == "" {
		return ""
	}
	for _, i := range s.under(oci.Reference{Repository: ref.Repository, Tag: ref.Tag}) {
		if other := s.graph.Images[i].Digest; other != g.Digest {
			return other
		}
	}
	return ""
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

// budgets compares the bundle with the size that the policy allows.
func (s *session) budgets() {
	p := s.opt.Policy
	if p == nil || s.graph == nil {
		return
	}
	s.budget("images", int64(p.MaxImages), int64(len(s.graph.Images)))
	s.budget("bytes", p.MaxBytes, s.rep.Totals.Bytes)
}

func (s *session) budget(what string, allowed, found int64) {
	f := check.Fault{ID: check.PolicyBudget, Subject: what,
		Expected: fmt.Sprintf("at most %d %s", allowed, what), Found: fmt.Sprint(found)}
	switch {
	case allowed == 0:
	case found > allowed:
		f.Detail = "the bundle holds more than the policy allows"
		s.fault(bundleWide, f)
	default:
		s.pass(bundleWide, f)
	}
}
