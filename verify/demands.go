package verify

import (
	"slices"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// Demands say who may vouch for an image, and what must be true of it. One
// signature must meet all demands on signatures at once. The zero value demands
// nothing, and names no signer who could vouch.
type Demands struct {
	Keys         []*trust.Key   // any of which may have signed
	Fingerprints []string       // of keys that may have signed; the bundle or a log entry must contain the key
	Identities   []*cert.Policy // any of which may have signed, by its certificate

	// Vouch lists what suffices to vouch for the image, in the order in which it is
	// tried; none is a signature. What [Options] list is a waiver: it suffices as well
	// as a signature, or as what the rule of a policy lists.
	Vouch []Vouch
	// LogOptional accepts a signature without a log entry. One that is present and
	// wrong still fails. In [Options] it is a waiver.
	LogOptional bool
	// SignedAs lists patterns, as in [Rule], of other names for which the image may
	// have been signed: those that a mirror keeps. In [Options] it is a waiver.
	SignedAs []string
	// PayloadTypes lists the types of simple signing payloads that are accepted
	// besides cosign's. In [Options] it is a waiver.
	PayloadTypes []string
	// NamesBound demands that the name is bound to the digest by a digest, a policy,
	// a lock or a seal.
	NamesBound bool

	Signers     int               // distinct keys or identities that must have signed; zero is one
	Annotations map[string]string // that what was signed must carry
	// MaxAge, NotBefore and NotAfter bound the trusted time of a signature; zero demands
	// nothing. Under a plain key it is a time by which the signature existed, not when it
	// was made: anyone can have an old one logged or stamped again. [Known] remembers
	// builds for that.
	MaxAge    time.Duration
	NotBefore time.Time
	NotAfter  time.Time

	RequireLogs       int  // distinct logs that must have logged a signature; zero is one
	RequireTimestamps int  // distinct authorities that must have timestamped a signature
	RequireInclusion  bool // each log entry must have an inclusion proof
	RequireAll        bool // every signature found must be good
	RequireChildren   bool // each platform must have a good signature, or what else vouches, of its own

	Attestations  []RequiredAttestation // that must be present and good
	Platforms     []oci.Platform        // that must be present
	OnlyPlatforms []oci.Platform        // that may be present; none allows all
	Digests       []oci.Digest          // one of which the image must have; none allows all
}

// Vouch is one way in which an image may be vouched for. An attestation is named
// by its predicate type; Name is what the operator called that type.
type Vouch struct {
	By            check.VouchedBy
	Name          string
	PredicateType string
}

// String returns the way as a policy writes it, such as "attestation: vuln".
func (v Vouch) String() string {
	if v.Name == "" {
		return string(v.By)
	}
	return string(v.By) + ": " + v.Name
}

// RequiredAttestation demands that at least Count attestations of a predicate
// type are good. Name is what the operator called the type.
type RequiredAttestation struct {
	Name          string
	PredicateType string
	Count         int // zero is one
}

// anchored reports whether any key or identity is pinned.
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

// Policy is a set of demands that is kept in a file; package policy reads it. It
// adds to the demands of [Options].
type Policy struct {
	Name   string // that the policy gives itself, for the report
	Path   string // of its file, for the report
	Digest string // SHA-256 of its file, for the report

	Rules         []Rule // the first whose pattern matches an image's reference applies to it
	JudgeUnlisted bool   // images that no rule matches are judged by the options alone, not refused

	Deny              Deny   // is refused whatever it vouches for
	SealStream        string // the stream to which a seal must belong; empty for any
	RefuseBuiltInRoot bool   // a trusted root or log must have been given

	MaxImages      int      // in the bundle; zero allows any number
	MaxBytes       int64    // of the bundle; zero allows any number
	Transfer       []string // fields that the transfer record must have, named as by [Transfer.Fields]
	RefuseRollback bool     // a bundle older than what is known is refused; otherwise it is a warning
}

// Deny lists what a policy refuses. A signature by a denied key or identity counts
// for nothing, and an image that contains a denied digest is refused: its index,
// a manifest, a config or a layer.
type Deny struct {
	Keys       []string // fingerprints
	Identities []*cert.Policy
	Digests    []oci.Digest
}

// Rule says what a policy demands of the images that its pattern matches. A
// pattern is a repository written in full, with or without a tag: * matches any
// text without a slash, ** any text, and a pattern without a tag any tag.
type Rule struct {
	Pattern  string
	Required bool // the bundle must hold an image that matches
	Demands

	// SignatureRepository is where to look for evidence besides the repository of
	// the image; empty for nowhere else. Only collecting reads it.
	SignatureRepository string
}

// name returns the name that the pattern stands for, if it stands for exactly one
// name and tag. A pattern without a tag does not: it may match an older build beside
// a newer one.
func (r *Rule) name() (ref oci.Reference, ok bool) {
	repository, tag := splitPattern(r.Pattern)
	return oci.Reference{Repository: repository, Tag: tag}, tag != "" && !hasWildcard(r.Pattern)
}

// demands are what the options and the matching rule of the policy demand of one
// image. The embedded Demands join both sources, except for annotations, allowed
// platforms and digests: an image must meet those of each source, so they are read
// from each.
type demands struct {
	Demands
	each     []*Demands // the sources: the options and, if one matches, the rule
	rule     *Rule      // of the policy; nil if none matches
	unlisted bool       // no rule matches, and the policy refuses such an image

	known   map[string]*trust.Key // pinned keys by fingerprint; nil where only the fingerprint is known
	carried []*trust.Key          // the pinned ones that the bundle carries
	others  []*trust.Key          // keys of the bundle that are tried although they are not pinned
	last    *trust.Key            // the pinned one that made the last good signature
	shown   string                // the pinned ones, for a message
}

// onSignatures names the demands that only a signature can meet.
func (d *demands) onSignatures() (list []string) {
	if slices.ContainsFunc(d.each, func(from *Demands) bool { return len(from.Annotations) > 0 }) {
		list = append(list, "annotations")
	}
	if d.MaxAge != 0 || !d.NotBefore.IsZero() || !d.NotAfter.IsZero() {
		list = append(list, "a trusted time")
	}
	if d.RequireLogs > 1 || d.RequireInclusion {
		list = append(list, "log entries")
	}
	if d.RequireTimestamps > 0 {
		list = append(list, "timestamps")
	}
	if d.RequireChildren {
		list = append(list, "a signature for each platform")
	}
	return list
}

// DemandsOn returns the demands on an image to which a rule of the policy applies, or no
// rule if it is nil: those of the options, joined by those of the rule. Signers of the rule
// replace those of the options; of two numbers or times, the stricter one counts. An
// image must meet the Annotations, OnlyPlatforms and Digests of each source; these are
// empty in the result.
func (o *Options) DemandsOn(rule *Rule) Demands { return o.demandsOn(rule).Demands }

func (o *Options) demandsOn(rule *Rule) *demands {
	d := &demands{rule: rule}
	d.join(&o.Demands)
	if rule != nil {
		d.join(&rule.Demands)
	}
	return d
}

// join adds the demands of another source. Of two numbers or times, the stricter
// one counts. If more pins signers, they replace those of the sources before.
func (d *demands) join(more *Demands) {
	d.each = append(d.each, more)
	if more.anchored() {
		d.Keys, d.Fingerprints, d.Identities = more.Keys, more.Fingerprints, more.Identities
	}
	d.Vouch = joinVouch(d.Vouch, more.Vouch)
	d.LogOptional = d.LogOptional || more.LogOptional
	d.SignedAs = slices.Concat(d.SignedAs, more.SignedAs)
	d.PayloadTypes = slices.Concat(d.PayloadTypes, more.PayloadTypes)
	d.NamesBound = d.NamesBound || more.NamesBound
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

// joinVouch lists the ways of two sources, each once and those of the second first.
func joinVouch(one, other []Vouch) (all []Vouch) {
	for _, v := range slices.Concat(other, one) {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// ways lists what suffices to vouch for the image, in the order in which it is
// tried.
func (d *demands) ways() []Vouch {
	list := d.Vouch
	if d.rule == nil || len(d.rule.Vouch) == 0 {
		list = joinVouch(d.Vouch, []Vouch{{By: check.VouchedBySignature}})
	}
	// The sender vouches for what nothing of the publisher's vouches for.
	sender := func(v Vouch) bool { return v.By == check.VouchedBySender }
	if i := slices.IndexFunc(list, sender); i >= 0 && i < len(list)-1 {
		list = append(slices.Delete(slices.Clone(list), i, i+1), list[i])
	}
	return list
}

// accepts reports whether a way of vouching suffices, for some predicate type.
func (d *demands) accepts(by check.VouchedBy) bool {
	return slices.ContainsFunc(d.ways(), func(v Vouch) bool { return v.By == by })
}
