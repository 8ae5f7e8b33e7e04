package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

// Schema names the form of a policy file.
const Schema = "gapseal.policy/v1"

// Policy is what a policy file says. If there are SealKeys, the bundle must be
// sealed with one of them.
type Policy struct {
	verify.Policy
	SealKeys []*trust.Key
}

// document is the policy file.
type document struct {
	Schema   value  `yaml:"schema"`
	Draft    value  `yaml:"draft"`
	Name     value  `yaml:"name"`
	Images   []rule `yaml:"images"`
	Unlisted value  `yaml:"unlisted"`
	Limits   struct {
		Images value `yaml:"images"`
		Bytes  value `yaml:"bytes"`
	} `yaml:"limits"`
	Seal struct {
		Keys []key `yaml:"keys"`
	} `yaml:"seal"`
	SealStream  value `yaml:"sealStream"`
	Rollback    value `yaml:"rollback"`
	BuiltInRoot value `yaml:"builtInRoot"`
	Deny        deny  `yaml:"deny"`
	Transfer    struct {
		Required []value `yaml:"required"`
	} `yaml:"transfer"`
}

// An Opener reads a key file that a policy names, by its name as written, and
// returns its content and its path, which the report shows.
type Opener func(name string) (raw []byte, path string, err error)

// Parse reads a policy file and, with open, the key files that the policy names. The
// error is an [*Error], which names the line and column. In the policy, MaxBytes is
// in bytes, MaxImages counts images, and times are in UTC.
func Parse(raw []byte, open Opener) (*Policy, error) {
	var doc document
	if err := decode(raw, Schema, &doc); err != nil {
		return nil, err
	}
	if doc.Draft.given() {
		return nil, doc.Draft.fault("this policy is a draft: review each line, fill in who may sign, and remove " +
			"this one")
	}
	if len(doc.Images) == 0 {
		return nil, &Error{Message: "images: want at least one rule, found none"}
	}
	sum := sha256.Sum256(raw)
	p := &Policy{}
	p.Name = doc.Name.text
	p.Digest = "sha256:" + hex.EncodeToString(sum[:])
	r := &reader{open: open}
	for _, read := range []func(*document, *Policy) error{r.rules, r.whole, r.seal, r.deny, r.transfer} {
		if err := read(&doc, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// reader turns the document into what package verify takes.
type reader struct {
	open Opener
}

func (r *reader) rules(doc *document, p *Policy) error {
	for i := range doc.Images {
		out, err := doc.Images[i].read(r)
		if err != nil {
			return err
		}
		p.Rules = append(p.Rules, *out)
	}
	if i, by := p.Hidden(); i >= 0 {
		return doc.Images[i].Match.fault("the earlier rule for %q matches all of %q, so this rule would never apply: "+
			"put it first", firstLine(p.Rules[by].Pattern), firstLine(p.Rules[i].Pattern))
	}
	return nil
}

// whole reads what is demanded of the bundle as a whole.
func (r *reader) whole(doc *document, p *Policy) error {
	unlisted, err := doc.Unlisted.choice("refuse", "judge")
	if err != nil {
		return err
	}
	rollback, err := doc.Rollback.choice("warn", "refuse")
	if err != nil {
		return err
	}
	p.JudgeUnlisted = unlisted == "judge"
	p.RefuseRollback = rollback == "refuse"
	builtIn, err := doc.BuiltInRoot.choice("accept", "refuse")
	if err != nil {
		return err
	}
	p.RefuseBuiltInRoot = builtIn == "refuse"
	if v := &doc.Limits.Images; v.given() {
		n, err := quantity.Count(v.text)
		if err != nil || n > 1<<30 {
			return v.fault("limits.images: want a positive number, found %q", firstLine(v.text))
		}
		p.MaxImages = int(n)
	}
	if v := &doc.Limits.Bytes; v.given() {
		if p.MaxBytes, err = quantity.Bytes(v.text); err != nil {
			return v.fault("limits.bytes: %v", err)
		}
	}
	return nil
}

func (r *reader) seal(doc *document, p *Policy) error {
	for i := range doc.Seal.Keys {
		k := &doc.Seal.Keys[i]
		if k.Fingerprint.given() {
			return k.Fingerprint.fault("a seal is verified under the key itself: want file or pem")
		}
		key, _, err := k.read(r)
		if err != nil {
			return err
		}
		p.SealKeys = append(p.SealKeys, key)
	}
	if !doc.SealStream.given() {
		return nil
	}
	if len(p.SealKeys) == 0 {
		return doc.SealStream.fault("sealStream: only a seal belongs to a stream, and this policy demands none: " +
			"name the keys in seal")
	}
	if err := seal.CheckStream(doc.SealStream.text); err != nil {
		return doc.SealStream.fault("sealStream: %v", err)
	}
	p.SealStream = doc.SealStream.text
	return nil
}

func (r *reader) transfer(doc *document, p *Policy) error {
	var names []string
	for _, f := range (*verify.Transfer)(nil).Fields() {
		names = append(names, f.Name)
	}
	for i := range doc.Transfer.Required {
		v := &doc.Transfer.Required[i]
		if !slices.Contains(names, v.text) {
			return v.fault("transfer.required: there is no field %q; there are %s", firstLine(v.text),
				strings.Join(names, ", "))
		}
		if slices.Contains(p.Transfer, v.text) {
			return v.fault("transfer.required: %s is listed twice", v.text)
		}
		p.Transfer = append(p.Transfer, v.text)
	}
	return nil
}
