package siteconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// Signers are those who may have signed an image.
type Signers struct {
	Keys        []*trust.Key
	Identities  []*cert.Policy
	LogOptional bool     // a signature without a log entry suffices
	SignedAs    []string // names for which the image may have been signed besides its own
}

// checkSigners returns an error unless each image has a signer, and notes the demands that
// documents cannot make.
func (s *Site) checkSigners() error {
	for i := range s.Images {
		img := &s.Images[i]
		if len(img.Keys)+len(img.Identities) == 0 {
			return fmt.Errorf("%s: %w", img.From.Name(), ErrNoSigner)
		}
		if err := s.checkDenied(img); err != nil {
			return fmt.Errorf("%s: %w", img.From.Name(), err)
		}
		if slices.ContainsFunc(img.Identities, unprintable) {
			return fmt.Errorf("%s: a control character is in the identity that may sign it", img.From.Name())
		}
	}
	if list := slices.Sorted(maps.Keys(s.leftOut)); len(list) > 0 {
		s.addNote("the documents demand a signature and nothing else; left out, and judged only by gapseal verify: " +
			strings.Join(list, ", "))
	}
	return nil
}

// unprintable reports whether control characters are in an identity. No real one has
// any, and not every writer and reader of YAML keeps them.
func unprintable(p *cert.Policy) bool {
	w := p.GitHubWorkflow
	all := strings.Join([]string{p.SAN, p.SANRegexp, p.Issuer, p.IssuerRegexp, w.Trigger, w.SHA, w.Name, w.Repository,
		w.Ref}, "")
	return strings.ContainsFunc(all, func(c rune) bool { return c == '\n' || isHidden(c) })
}

// allow adds who may sign by d. A pinned fingerprint needs the key in the bundle: the
// documents hold keys.
func (s *Signers) allow(d *verify.Demands, carried []*trust.Key) error {
	for _, k := range d.Keys {
		s.addKey(k)
	}
	for _, f := range d.Fingerprints {
		i := slices.IndexFunc(carried, func(k *trust.Key) bool { return k.Fingerprint() == f })
		if i < 0 {
			return fmt.Errorf("a document needs the whole key, and the bundle does not hold the key %s: pin its PEM file "+
				"in place of the fingerprint", f)
		}
		s.addKey(carried[i])
	}
	s.Identities = slices.Clone(d.Identities)
	s.LogOptional = d.LogOptional
	s.SignedAs = d.SignedAs
	return nil
}

func (s *Signers) addKey(k *trust.Key) {
	same := func(o *trust.Key) bool { return o.Fingerprint() == k.Fingerprint() }
	if !slices.ContainsFunc(s.Keys, same) {
		s.Keys = append(s.Keys, k)
	}
}

// leaveOut remembers demands that only gapseal verify judges.
func (s *Site) leaveOut(d *verify.Demands) {
	s.leave(map[string]bool{
		"annotations":                         len(d.Annotations) > 0,
		"the age of signatures":               d.MaxAge != 0 || !d.NotBefore.IsZero() || !d.NotAfter.IsZero(),
		"several signers":                     d.Signers > 1,
		"several logs, or inclusion proofs":   d.RequireLogs > 1 || d.RequireInclusion,
		"timestamps":                          d.RequireTimestamps > 0,
		"attestations":                        len(d.Attestations) > 0,
		"further signatures":                  d.RequireChildren || d.RequireAll,
		"what vouches in place of signatures": len(d.Vouch) > 0,
		"types of payloads":                   len(d.PayloadTypes) > 0,
		"bound names":                         d.NamesBound,
		"platforms":                           len(d.Platforms)+len(d.OnlyPlatforms) > 0,
		"digests":                             len(d.Digests) > 0,
	})
}

func (s *Site) leave(demands map[string]bool) {
	if s.leftOut == nil {
		s.leftOut = map[string]bool{}
	}
	for what, demanded := range demands {
		if demanded {
			s.leftOut[what] = true
		}
	}
}

// id returns a text that is the same only for the same signers.
func (s *Signers) id() string {
	var list []string
	for _, k := range s.Keys {
		list = append(list, k.Fingerprint())
	}
	for _, p := range s.Identities {
		list = append(list, fmt.Sprintf("%q", *p))
	}
	slices.Sort(list)
	return fmt.Sprint(s.LogOptional, slices.Compact(list))
}
