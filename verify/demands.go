package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// Demands are who may vouch for an image, and what must hold of it. One
// signature must meet all demands on signatures at once.
type Demands struct {
	Keys         []*trust.Key   // pinned public keys; any of them will do
	Fingerprints []string       // pinned fingerprints, each selecting a key in the bundle
	Identities   []*cert.Policy // of a certificate; any of them will do, as will a pinned key

	Annotations   map[string]string     // demanded of what was signed
	Attestations  []RequiredAttestation // that must be there and verify
	Platforms     []oci.Platform        // that must be present
	OnlyPlatforms []oci.Platform        // that may be present; none allows all
	Digests       []oci.Digest          // one of which the image must have; none allows all
	Signers       int                   // distinct keys or identities that must have signed; zero is one
	Logs          int                   // distinct logs that must speak for a signature; zero is one
	Timestamps    int                   // distinct timestamp authorities that must; zero is none
	MaxAge        time.Duration         // of the trusted time; zero demands nothing
	NotBefore     time.Time             // oldest trusted time; zero demands nothing
	NotAfter      time.Time             // newest trusted time; zero demands nothing

	RequireInclusion bool // each log entry must have an inclusion proof
	RequireAll       bool // every signature found must be good
	RequireChildren  bool // each platform must have a good signature of its own
}

// anchored reports whether anything was pinned that could vouch.
func (d *Demands) anchored() bool {
	return len(d.Keys)+len(d.Fingerprints)+len(d.Identities) > 0
}

// keyed reports whether a key was pinned.
func (d *Demands) keyed() bool { return len(d.Keys)+len(d.Fingerprints) > 0 }

// pinned lists the fingerprints of all pinned keys.
func (d *Demands) pinned() []string {
	all := slices.Clone(d.Fingerprints)
	for _, k := range d.Keys {
		all = append(all, k.Fingerprint())
	}
	return all
}

// pins reports whether the operator vouches for key.
func (d *Demands) pins(key *trust.Key) bool {
	return slices.Contains(d.pinned(), key.Fingerprint())
}

// demands are those on one image, with what they came from.
type demands struct {
	Demands
	annotations []map[string]string // of every source: all must hold
	rule        *Rule               // of the policy, nil if none matched
	unlisted    bool                // the policy wants no such image
}

// demandsOn returns the demands on an image known by a reference: those of the
// options, joined by those of the first rule of the policy that matches. Where a
// rule names who may vouch, nobody else may.
func (s *session) demandsOn(ref oci.Reference) *demands {
	d := &demands{Demands: s.opt.demands(), annotations: []map[string]string{s.opt.Annotations}}
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

// join adds the demands of a rule, each the stricter of the two.
func (d *demands) join(r *Demands) {
	if r.anchored() {
		d.Keys, d.Fingerprints, d.Identities = r.Keys, r.Fingerprints, r.Identities
	}
	d.annotations = append(d.annotations, r.Annotations)
	d.Attestations = slices.Concat(d.Attestations, r.Attestations)
	d.Platforms = slices.Concat(d.Platforms, r.Platforms)
	d.OnlyPlatforms, d.Digests = r.OnlyPlatforms, r.Digests
	d.Signers = max(d.Signers, r.Signers)
	d.Logs, d.Timestamps = max(d.Logs, r.Logs), max(d.Timestamps, r.Timestamps)
	if d.MaxAge == 0 || r.MaxAge != 0 && r.MaxAge < d.MaxAge {
		d.MaxAge = r.MaxAge
	}
	if r.NotBefore.After(d.NotBefore) {
		d.NotBefore = r.NotBefore
	}
	d.NotAfter = r.NotAfter
	d.RequireInclusion = d.RequireInclusion || r.RequireInclusion
	d.RequireAll = d.RequireAll || r.RequireAll
	d.RequireChildren = d.RequireChildren || r.RequireChildren
}

// demands are those that the options put to every image.
func (o *Options) demands() Demands {
	d := Demands{
		Keys: o.Keys, Fingerprints: o.Fingerprints, Attestations: o.Attestations, Platforms: o.Platforms, Logs: o.RequireLogs, Timestamps: o.RequireTimestamps,
		MaxAge: o.MaxAge, NotBefore: o.NotBefore, RequireInclusion: o.RequireInclusion, RequireAll: o.RequireAll, RequireChildren: o.RequireChildren,
	}
	if o.Identity != nil {
		d.Identities, d.Keys, d.Fingerprints = []*cert.Policy{o.Identity}, nil, nil
	}
	return d
}

// anyone is whoever may vouch for some image of the bundle.
func (o *Options) anyone() *Demands {
	d := o.demands()
	if o.Policy != nil {
		for _, r := range o.Policy.Rules {
			d.Keys = slices.Concat(d.Keys, r.Keys)
			d.Fingerprints = slices.Concat(d.Fingerprints, r.Fingerprints)
			d.Identities = slices.Concat(d.Identities, r.Identities)
		}
	}
	return &d
}

// anchoredImage refuses an image that nothing pinned could vouch for, where
// other images of the bundle have what could.
func (s *session) anchoredImage(i int, g *bundle.ImageGraph, d *demands) {
	if d.anchored() || d.unlisted || !s.anyone.anchored() {
		return // told of the rule, or of the bundle as a whole
	}
	s.rec.fault(i, &check.Fault{ID: check.TrustUnanchored, Subject: string(g.Digest), Detail: "nothing was pinned that could vouch for this image: neither by its rule of the policy nor by flag",
		Expected: "keys or identities in the rule, or --key FILE", Found: "none"})
}

// signers counts who signed the image, if more than one was to.
func (s *session) signers(i int, g *bundle.ImageGraph, d *demands) {
	if d.Signers <= 1 {
		return
	}
	found := countSigners(s.rep.Images[i].Signatures)
	f := check.Fault{ID: check.PolicySigners, Subject: string(g.Digest), Detail: "distinct keys or identities whose signatures meet every demand", Expected: fmt.Sprintf("at least %d", d.Signers), Found: fmt.Sprint(found)}
	if found < d.Signers {
		s.rec.fault(i, &f)
		return
	}
	s.rec.add(i, check.Pass, f)
}

// countSigners counts those who signed. Each key, and each identity that was
// demanded, counts once, however many names a regular expression lets pass: one
// workflow on two branches is one signer.
func countSigners(sigs []Signature) (n int) {
	seen := map[string]bool{}
	for i := range sigs {
		sig := &sigs[i]
		if !sig.Counts || seen[string(sig.Key)] || seen[sig.demanded] {
			continue
		}
		n++
		seen[string(sig.Key)] = true
		if sig.demanded != "" {
			seen[sig.demanded] = true
		}
	}
	return n
}

// signerName tells who said something: an identity by the issuer that vouched
// for it, or a key.
func signerName(sig *Signature) string {
	if sig.Identity != "" {
		return string(sig.Identity + " " + sig.Issuer)
	}
	return string(sig.Key)
}
