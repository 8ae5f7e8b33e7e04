package siteconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
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
	Forms
	Signers
}

// Forms are the forms in which a bundle holds signatures of an image.
type Forms struct {
	Tag    bool // cosign's first form, which a registry gets under a tag that ends in .sig
	Bundle bool // Sigstore bundles; they may hold attestations as well
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
	{"policy.json", "signature policy of Podman (4.4 or newer), Skopeo and CRI-O", true, (*Site).policyJSON},
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
	files, err := k.write(s)
	for _, f := range files {
		if err == nil && strings.ContainsFunc(string(f.Text), isHidden) {
			err = fmt.Errorf("%s: a control character would stand in it, from a name or a trusted root", f.Path)
		}
	}
	if err != nil {
		return nil, err
	}
	return files, nil
}

// isHidden reports whether a character ends a line in some reader, or changes how a terminal
// shows the others. A line feed is in each document.
func isHidden(c rune) bool {
	return c != '\n' && unicode.IsControl(c) || unicode.In(c, unicode.Bidi_Control, unicode.Zl, unicode.Zp) ||
		c == unicode.ReplacementChar
}

// Add adds an image under the name that it has in the bundle. forms and carried say which
// signatures and keys the bundle holds. The error says why the image has no place in the
// registry, or that the policy refuses it.
func (s *Site) Add(ref oci.Reference, forms Forms, opt *verify.Options, carried []*trust.Key) error {
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
	img := Image{From: ref, Repo: repo, Forms: forms}
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

// noteRefused names the images that a document refuses whatever it says, since the program
// that reads it does not find their signatures. judges reports whether it judges an image's
// Sigstore bundles; reason says why it may not.
func (s *Site) noteRefused(program, reason string, judges func(*Image) bool) {
	var unsigned, bundled []string
	for i := range s.Images {
		switch img := &s.Images[i]; {
		case img.Tag || img.Bundle && judges(img):
		case img.Bundle:
			bundled = append(bundled, img.From.String())
		default:
			unsigned = append(unsigned, img.From.String())
		}
	}
	if len(bundled) > 0 {
		s.addNote(fmt.Sprintf("%s will refuse what has Sigstore bundles and no signature in a .sig tag, since %s: %s",
			program, reason, some(bundled)))
	}
	if len(unsigned) > 0 {
		s.addNote(fmt.Sprintf("%s will refuse what has neither a signature in a .sig tag nor a Sigstore bundle: %s",
			program, some(unsigned)))
	}
}

// some lists the first of several names.
func some(list []string) string {
	const most = 10
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

func never(*Image) bool { return false }

// noteNames notes that a program compares only the digest that was signed.
func (s *Site) noteNames(program string) {
	s.addNote(program + " compares only the digest that was signed: it also admits what these signers signed for " +
		"another repository, which gapseal verify rejects if the signature names one")
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
