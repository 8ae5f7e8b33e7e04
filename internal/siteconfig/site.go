package siteconfig

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/trust"
)

// Site is what the documents of a site are made from.
type Site struct {
	Name  string     // of objects in Kubernetes: a DNS label
	Names load.Names // where images went
	HTTP  bool       // the registry has no TLS
	CA    string     // path on each node of the file with the registry's CA; may be empty

	Images  []Image
	Domains []verify.Domain // what trusted roots vouch for, each by itself

	// Notes say what the documents cannot express, for a person.
	Notes []string

	policy  *verify.Policy // the one that rules was made of
	rules   func(oci.Reference) *verify.Rule
	leftOut map[string]bool // demands that only gapseal verify judges
	removed []string        // signers that the policy denies
}

// Image is an image of the bundle and its place in the registry of the site.
type Image struct {
	From oci.Reference
	Repo string // written in full
	Signers
}

// Signers are those who may have signed an image.
type Signers struct {
	Keys        []*trust.Key
	Identities  []*cert.Policy
	LogOptional bool     // a signature without a log entry suffices
	SignedAs    []string // names for which the image may have been signed besides its own
}

// File is a document, and the path of the file that it belongs in, with slashes.
type File struct {
	Path string
	Text []byte
}

// Kind is a kind of document.
type Kind struct {
	Name, For string
	Trust     bool // it says whom to trust
	write     func(*Site) ([]File, error)
}

// Kinds are all kinds, in the order in which help lists them.
var Kinds = []Kind{
	{"containerd", "containerd's hosts.toml for each registry", false, (*Site).containerd},
	{"podman", "registries.conf and registries.d of Podman and Skopeo", false, (*Site).podman},
	{"crio", "the same, for CRI-O", false, (*Site).podman},
	{"policy.json", "the signature policy of Podman, Skopeo and CRI-O", true, (*Site).policyJSON},
	{"openshift", "ImageDigestMirrorSet and ImageTagMirrorSet", false, (*Site).openShift},
	{"kyverno", "a ClusterPolicy with verifyImages", true, (*Site).kyverno},
	{"policy-controller", "ClusterImagePolicy and TrustRoot", true, (*Site).policyController},
}

// FindKind returns the kind of a name, nil if there is none.
func FindKind(name string) *Kind {
	if i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name }); i >= 0 {
		return &Kinds[i]
	}
	return nil
}

// ErrNoSigner is returned by [Kind.Write], for a kind that says whom to trust, if nothing is
// pinned for an image.
var ErrNoSigner = errors.New("nothing says who may sign it")

// Write returns the documents of a kind.
func (k *Kind) Write(s *Site) ([]File, error) {
	if len(s.Images) == 0 {
		return nil, errors.New("the bundle lists no image")
	}
	slices.SortStableFunc(s.Images, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.From.Name(), b.From.Name()))
	})
	if k.Trust {
		if err := s.checkSigners(); err != nil {
			return nil, err
		}
	}
	return k.write(s)
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
	return strings.ContainsFunc(all, func(c rune) bool {
		return unicode.IsControl(c) || c == '\u2028' || c == '\u2029'
	})
}

// Add adds an image under the name that it has in the bundle. carried are the keys that
// the bundle holds. The error says why the image has no place in the registry, or that the
// policy refuses it.
func (s *Site) Add(ref oci.Reference, opt *verify.Options, carried []*trust.Key) error {
	repo, _, err := s.Names.Place(ref)
	if err != nil {
		return err
	}
	var rule *verify.Rule
	if p := opt.Policy; p != nil {
		if rule = s.rule(p, ref); rule == nil && !p.JudgeUnlisted {
			return fmt.Errorf("%s: no rule of the policy matches this image", ref.Name())
		}
	}
	img := Image{From: ref, Repo: repo}
	demands := opt.DemandsOn(rule)
	if err := img.allow(&demands, carried); err != nil {
		return err
	}
	if err := s.removeDenied(&img, opt.Policy); err != nil {
		return fmt.Errorf("%s: %w", ref.Name(), err)
	}
	img.LogOptional = img.LogOptional || opt.IgnoreTlog
	s.leaveOut(&opt.Demands)
	if rule != nil {
		s.leaveOut(&rule.Demands)
	}
	s.Images = append(s.Images, img)
	return nil
}

// rule returns the rule of a policy that matches, nil if none does.
func (s *Site) rule(p *verify.Policy, ref oci.Reference) *verify.Rule {
	if s.policy != p {
		s.policy, s.rules = p, p.Match()
	}
	return s.rules(ref)
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

func (s *Site) addNote(text string) {
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

// group holds repositories whose images have the same signers.
type group struct {
	repos []string
	Signers
}

// groups groups the repositories of the destination by their signers. Admission controllers
// match repositories, so all images of one must have the same signers.
func (s *Site) groups() (list []*group, err error) {
	byRepo := map[string]string{}
	bySigners := map[string]*group{}
	for _, img := range s.Images {
		id := img.id()
		if other, ok := byRepo[img.Repo]; ok {
			if other != id {
				return nil, fmt.Errorf("%s: the policy names different signers for images that go to this one "+
					"repository, and the document names repositories; load them into two", img.Repo)
			}
			continue
		}
		byRepo[img.Repo] = id
		if bySigners[id] == nil {
			bySigners[id] = &group{Signers: img.Signers}
			list = append(list, bySigners[id])
		}
		bySigners[id].repos = append(bySigners[id].repos, img.Repo)
	}
	return list, nil
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
