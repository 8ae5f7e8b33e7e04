package verify

import (
	"cmp"
	"slices"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// Demands say who may vouch for an image, and what must hold of it. One
// signature must meet every demand on signatures. The zero value demands
// nothing, and lets nobody vouch.
type Demands struct {
	Keys         []*trust.Key   // any of which may have signed
	Fingerprints []string       // of such keys, which the bundle or the log entry must bring
	Identities   []*cert.Policy // any of which may have signed, by its certificate

	Signers     int               // distinct keys or identities that must have signed; zero is one
	Annotations map[string]string // that what was signed must carry
	MaxAge      time.Duration     // of the trusted time of a signature; zero demands nothing
	NotBefore   time.Time         // oldest trusted time; zero demands nothing
	NotAfter    time.Time         // newest trusted time; zero demands nothing

	RequireLogs       int  // distinct logs that must have logged a signature; zero is one
	RequireTimestamps int  // distinct authorities that must have timestamped a signature
	RequireInclusion  bool // each log entry must have an inclusion proof
	RequireAll        bool // every signature found must be good
	RequireChildren   bool // each platform must have a good signature of its own

	Attestations  []RequiredAttestation // that must be there and be good
	Platforms     []oci.Platform        // that must be present
	OnlyPlatforms []oci.Platform        // that may be present; none allows all
	Digests       []oci.Digest          // one of which the image must have; none allows all
}

// RequiredAttestation demands that at least Count attestations of a predicate
// type are good. Name is what the operator called the type.
type RequiredAttestation struct {
	Name          string
	PredicateType string
	Count         int
}

// anchored reports whether anything is pinned that could vouch.
func (d *Demands) anchored() bool { return d.keyed() || len(d.Identities) > 0 }

// keyed reports whether a key is pinned.
func (d *Demands) keyed() bool { return len(d.Keys)+len(d.Fingerprints) > 0 }

// pinned lists the fingerprints of all pinned keys.
func (d *Demands) pinned() []string {
	all := slices.Clone(d.Fingerprints)
	for _, k := range d.Keys {
		all = append(all, k.Fingerprint())
	}
	return all
}

// pins reports whether key is pinned.
func (d *Demands) pins(key *trust.Key) bool { return slices.Contains(d.pinned(), key.Fingerprint()) }

// anchors lists who may vouch, for the report. source says how each was pinned;
// if it is empty, each kind has its own.
func (d *Demands) anchors(source string) (list []Anchor) {
	for _, k := range d.Keys {
		list = append(list, keyAnchor("key", k, cmp.Or(source, "file")))
	}
	for _, f := range d.Fingerprints {
		list = append(list, Anchor{Kind: "key", Fingerprint: Text(f), Source: cmp.Or(source, "fingerprint")})
	}
	for _, i := range d.Identities {
		list = append(list, Anchor{Kind: "identity", Source: cmp.Or(source, "flag"), Name: Text(i.String())})
	}
	return list
}

// demands are what is demanded of one image, by the options and by the rule of
// the policy that matches it. The embedded demands join both; annotations, allowed
// platforms and digests are empty there, since each source must be met: ask each.
type demands struct {
	Demands
	each     []*Demands
	rule     *Rule // of the policy; nil if none matches
	unlisted bool  // no rule matches, and the policy refuses such an image
}

// join adds the demands of another source; of two numbers or times, the stricter
// counts. Where more says who may vouch, only they may.
func (d *demands) join(more *Demands) {
	d.each = append(d.each, more)
	if more.anchored() {
		d.Keys, d.Fingerprints, d.Identities = more.Keys, more.Fingerprints, more.Identities
	}
	d.Signers = max(d.Signers, more.Signers)
	if d.MaxAge == 0 || more.MaxAge != 0 && more.MaxAge < d.MaxAge {
		d.MaxAge = more.MaxAge
	}
	if more.NotBefore.After(d.NotBefore) {
		d.NotBefore = more.NotBefore
	}
	if d.NotAfter.IsZero() || !more.NotAfter.IsZero() && more.NotAfter.Before(d.NotAfter) {
		d.NotAfter = more.NotAfter
	}
	d.RequireLogs = max(d.RequireLogs, more.RequireLogs)
	d.RequireTimestamps = max(d.RequireTimestamps, more.RequireTimestamps)
	d.RequireInclusion = d.RequireInclusion || more.RequireInclusion
	d.RequireAll = d.RequireAll || more.RequireAll
	d.RequireChildren = d.RequireChildren || more.RequireChildren
	d.Attestations = slices.Concat(d.Attestations, more.Attestations)
	d.Platforms = slices.Concat(d.Platforms, more.Platforms)
}
