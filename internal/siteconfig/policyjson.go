package siteconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

// requirement is sigstoreSigned, or what decides without a signature. What is absent
// must not be written: the parser refuses it.
type requirement struct {
	Type      string   `json:"type"`
	KeyData   []byte   `json:"keyData,omitempty"`
	KeyDatas  [][]byte `json:"keyDatas,omitempty"`
	Fulcio    *fulcio  `json:"fulcio,omitempty"`
	RekorData []byte   `json:"rekorPublicKeyData,omitempty"`
	RekorList [][]byte `json:"rekorPublicKeyDatas,omitempty"`
	SignedAs  *match   `json:"signedIdentity,omitempty"`
}

type fulcio struct {
	CA     []byte `json:"caData"`
	Issuer string `json:"oidcIssuer"`
	Email  string `json:"subjectEmail"`
}

type match struct {
	Type       string `json:"type"`
	Repository string `json:"dockerRepository"`
}

// policyJSON writes a policy that accepts only images with a signature by a pinned signer.
// It lists each image under its name at the destination and under its own: of an image that
// is redirected, the programs look up its own name. They know only signatures in .sig tags.
func (s *Site) policyJSON() ([]File, error) {
	scopes := map[string][]requirement{}
	for _, img := range s.Images {
		r, err := s.requirement(&img)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", img.From.Name(), err)
		}
		for _, scope := range []string{img.Repo, img.From.Repository} {
			if other, ok := scopes[scope]; ok && !equal(other, r) {
				return nil, fmt.Errorf("%s: images of this one repository have different signers or were signed under "+
					"different names, and policy.json names repositories; load them into two", scope)
			}
			scopes[scope] = []requirement{*r}
		}
	}
	s.noteRefused("policy.json", "the programs that read it do not judge those", never)
	s.noteReaders(scopes)
	text, err := indented(map[string]any{
		"default":    []requirement{{Type: "reject"}},
		"transports": map[string]any{"docker": scopes},
	})
	return []File{{"policy.json", text}}, err
}

// parsers are the versions of containers/image from which on a parser knows more members.
// An older one takes them for errors.
var parsers = []string{"5.22 (Podman 4.2)", "5.24 (Podman 4.4)", "5.33 (Podman 5.3)"}

// parser returns the first of parsers that can read the requirement.
func (r *requirement) parser() int {
	switch {
	case len(r.KeyDatas)+len(r.RekorList) > 0:
		return 2
	case r.Fulcio != nil || r.RekorData != nil:
		return 1
	}
	return 0
}

// noteReaders says what a program needs to read a policy and to find signatures.
func (s *Site) noteReaders(scopes map[string][]requirement) {
	needed := 0
	for _, list := range scopes {
		needed = max(needed, list[0].parser())
	}
	s.addNote("this policy.json needs containers/image " + parsers[needed] + " or newer; a program with an older one " +
		"cannot read it, and every pull and load on that host fails")
	s.addNote("signatures are found only where registries.d says use-sigstore-attachments; install the file that " +
		"gapseal config podman prints as well")
}

func equal(a []requirement, b *requirement) bool {
	x, errx := json.Marshal(a[0])
	y, erry := json.Marshal(b)
	return errx == nil && erry == nil && bytes.Equal(x, y)
}

// requirement says who must have signed an image. All requirements of a scope must be met,
// so one cannot be written for each of several signers of which one suffices.
func (s *Site) requirement(img *Image) (*requirement, error) {
	r := &requirement{Type: "sigstoreSigned"}
	name, err := img.signedName()
	if err != nil {
		return nil, err
	}
	r.SignedAs = &match{"exactRepository", name}
	keys, domains := img.Keys, s.Domains
	switch {
	case len(keys) > 0 && len(img.Identities) > 0, len(img.Identities) > 1:
		return nil, fmt.Errorf("policy.json takes one identity, or keys; it cannot say that one of several suffices")
	case len(img.Identities) == 1:
		d, err := s.issuing()
		if err != nil {
			return nil, err
		}
		if r.Fulcio, err = s.fulcio(img.Identities[0], d); err != nil {
			return nil, err
		}
		domains = []verify.Domain{*d}
	case len(keys) == 1:
		r.KeyData = []byte(keys[0].PEM())
	default:
		for _, k := range keys {
			r.KeyDatas = append(r.KeyDatas, []byte(k.PEM()))
		}
	}
	if img.LogOptional && r.Fulcio == nil {
		return r, nil
	}
	logs := setLogs(domains)
	switch len(logs) {
	case 0:
		return nil, errNoLog
	case 1:
		r.RekorData = []byte(logs[0].Key.PEM())
	default:
		for _, l := range logs {
			r.RekorList = append(r.RekorList, []byte(l.Key.PEM()))
		}
	}
	return r, nil
}

// signedName returns the repository that the signature names.
func (img *Image) signedName() (string, error) {
	switch len(img.SignedAs) {
	case 0:
		return img.From.Repository, nil
	case 1:
		if !strings.Contains(img.SignedAs[0], "*") {
			return img.SignedAs[0], nil
		}
	}
	return "", fmt.Errorf("policy.json takes one name under which an image was signed, without *, found %s",
		strings.Join(img.SignedAs, ", "))
}

// issuing returns the one domain that issues certificates. It judges their signatures alone,
// with its own logs.
func (s *Site) issuing() (*verify.Domain, error) {
	var list []*verify.Domain
	for i, d := range s.Domains {
		if len(d.CAs) > 0 {
			list = append(list, &s.Domains[i])
		}
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("policy.json takes one trusted root with a certificate authority, found %d", len(list))
	}
	return list[0], nil
}

// fulcio says which identity must have signed, with a certificate of a domain.
func (s *Site) fulcio(p *cert.Policy, d *verify.Domain) (*fulcio, error) {
	if p.SANRegexp+p.IssuerRegexp != "" || !strings.Contains(p.SAN, "@") || strings.Contains(p.SAN, "/") {
		return nil, fmt.Errorf("policy.json takes an e-mail address and an issuer, each exact, found %s", p)
	}
	if p.GitHubWorkflow != (workflow{}) {
		return nil, errWorkflow
	}
	if !d.NoCTLogs {
		s.addNote("the programs that read policy.json do not ask whether certificates are logged; gapseal verify does")
	}
	var chain bytes.Buffer
	for _, ca := range d.CAs {
		chain.WriteString(pemOf(ca.Anchor()))
	}
	return &fulcio{chain.Bytes(), p.Issuer, p.SAN}, nil
}

// setLogs returns the logs that sign entry timestamps. Those with Ed25519 keys (Rekor
// v2) do not, and none of the programs that these documents are for judges their proofs.
func setLogs(domains []verify.Domain) (list []trust.Log) {
	for _, d := range domains {
		list = append(list, ecdsaLogs(d.Logs)...)
	}
	return list
}

func indented(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}
