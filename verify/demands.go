package verify

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// Demands say who may vouch for an image, and what must be true of it. One
// signature must meet all demands on signatures at once. The zero value demands
// nothing, and names no signer who could vouch.
type Demands struct {
	Keys         []*trust.Key   // any of which may have signed
	Fingerprints []string       // of keys that may have signed; the bundle or a log entry must contain the key
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

	Attestations  []RequiredAttestation // that must be present and good
	Platforms     []oci.Platform        // that must be present
	OnlyPlatforms []oci.Platform        // that may be present; none allows all
	Digests       []oci.Digest          // one of which the image must have; none allows all
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

// pins reports whether key is pinned.
func (d *Demands) pins(key *trust.Key) bool { return slices.Contains(d.pinned(), key.Fingerprint()) }

// Policy is a set of demands that is kept in a file; package policy reads it. It
// adds to the demands of [Options].
type Policy struct {
	Name   string // that the policy gives itself, for the report
	Path   string // of its file, for the report
	Digest string // SHA-256 of its file, for the report

	Rules         []Rule // the first whose pattern matches an image's reference applies to it
	JudgeUnlisted bool   // images that no rule matches are judged by the options alone, not refused

	MaxImages      int      // in the bundle; zero allows any number
	MaxBytes       int64    // of the bundle; zero allows any number
	Transfer       []string // fields that the transfer record must have, named as by [Transfer.Fields]
	RefuseRollback bool     // a bundle older than what is known is refused; otherwise it is a warning
}

// Rule says what a policy demands of the images that its pattern matches. A
// pattern is a repository written in full, with or without a tag: * matches any
// text without a slash, ** any text, and a pattern without a tag any tag.
type Rule struct {
	Pattern  string
	Required bool // the bundle must hold an image that matches
	Demands
}

// Covers reports whether this rule matches every image that another pattern matches.
// It may wrongly return false if both patterns have a * within the same part of the
// name.
func (r *Rule) Covers(pattern string) bool {
	repository, tag := splitPattern(pattern)
	m := newMatcher(r.Pattern)
	if strings.Contains(repository, "**") && !strings.Contains(r.Pattern, "**") {
		return false // it matches slashes, and r does not
	}
	return m.repository.MatchString(repository) && (m.tag == nil || tag != "" && m.tag.MatchString(tag))
}

// name returns the name that the pattern stands for, if it stands for exactly one
// name and tag. A pattern without a tag does not: it may match an older build beside
// a newer one.
func (r *Rule) name() (ref oci.Reference, ok bool) {
	repository, tag := splitPattern(r.Pattern)
	return oci.Reference{Repository: repository, Tag: tag}, tag != "" && !strings.Contains(r.Pattern, "*")
}

// matcher is a compiled pattern; tag is nil if any will do.
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

// demands are what the options and the matching rule of the policy demand of one
// image. The embedded Demands join both sources, except for annotations, allowed
// platforms and digests: an image must meet those of each source, so they are read
// from each.
type demands struct {
	Demands
	each     []*Demands // the sources: the options and, if one matches, the rule
	rule     *Rule      // of the policy; nil if none matches
	unlisted bool       // no rule matches, and the policy refuses such an image
}

// join adds the demands of another source. Of two numbers or times, the stricter
// one counts. If more pins signers, they replace those of the sources before.
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
