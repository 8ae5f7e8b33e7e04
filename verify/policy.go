package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
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
		d := s.opt.demandsOn(rule)
		d.unlisted = p != nil && rule == nil && !p.JudgeUnlisted
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

func someOf(list []string) string {
	if len(list) > 10 {
		list = append(list[:10:10], fmt.Sprintf("and %d more", len(list)-10))
	}
	return strings.Join(list, ", ")
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
	if d, ok := s.opt.Policy.Deny.In(s.graph, g); ok {
		f.Detail, f.Found = "the image contains a digest that the policy denies", string(d)
		s.fault(i, f)
		return
	}
	s.pass(i, f)
}

// In returns the first digest of Digests that an image contains: the digest of its index, a
// manifest, a config or a layer. It reports false if there is none. The manifests are those
// of graph, of which img is an image.
func (d *Deny) In(graph *bundle.Graph, img *bundle.ImageGraph) (oci.Digest, bool) {
	for _, n := range img.Tree {
		content := []oci.Digest{n.Digest}
		if m := graph.Manifests[n.Digest]; m != nil {
			content = append(content, m.Config.Digest)
			for _, l := range m.Layers {
				content = append(content, l.Digest)
			}
		}
		for _, c := range content {
			if slices.Contains(d.Digests, c) {
				return c, true
			}
		}
	}
	return "", false
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
