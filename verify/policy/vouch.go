package policy

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// vouch is one way in which an image may be vouched for: a word, or the kind of an
// attestation with its type.
type vouch struct {
	kind  string
	of    value // the predicate type; absent for a word
	token *token.Token
}

// UnmarshalYAML takes a word, or a mapping with one key.
func (v *vouch) UnmarshalYAML(n ast.Node) error {
	v.token = n.GetToken()
	var pair *ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingValueNode:
		pair = n
	case *ast.MappingNode:
		if len(n.Values) != 1 {
			return at(v.token, "vouch: want one kind for each element of the list, found %d", len(n.Values))
		}
		pair = n.Values[0]
	default:
		var word value
		if err := word.UnmarshalYAML(n); err != nil {
			return err
		}
		v.kind = word.text
		return nil
	}
	v.kind = pair.Key.GetToken().Value
	return v.of.UnmarshalYAML(pair.Value)
}

type vouchKind struct {
	name  string
	by    check.VouchedBy
	typed bool
}

// vouchKinds are the names of what can vouch, as policies write them. Those of
// attestations have a type.
var vouchKinds = []vouchKind{
	{"signature", check.VouchedBySignature, false},
	{"attestation", check.VouchedByAttestation, true},
	{"platformAttestation", check.VouchedByPlatformAttestation, true},
	{"sender", check.VouchedBySender, false},
}

func (v *vouch) vouch() (out verify.Vouch, err error) {
	for _, k := range vouchKinds {
		if v.kind != k.name {
			continue
		}
		out.By = k.by
		switch {
		case k.typed && !v.of.given():
			return out, at(v.token, "vouch: say which type of attestation: {%s: TYPE}", k.name)
		case !k.typed && v.of.given():
			return out, at(v.token, "vouch: %s has no type: write it alone", k.name)
		case k.typed:
			out.Name = v.of.text
			out.PredicateType, err = v.of.predicate("vouch")
		}
		return out, err
	}
	return out, at(v.token, "vouch: want signature, {attestation: TYPE}, {platformAttestation: TYPE} or sender, "+
		"found %q", firstLine(v.kind))
}

// predicate reads a predicate type, under a key of the policy.
func (v *value) predicate(key string) (string, error) {
	uri, ok := evidence.PredicateURI(v.text)
	if !ok {
		return "", v.fault("%s: want a type, a URI or one of slsaprovenance, slsaprovenance1, spdxjson, cyclonedx, "+
			"vuln, found %q", key, firstLine(v.text))
	}
	return uri, nil
}

// vouching reads what suffices to vouch for the image. The type of a signature is
// no type of attestation.
func (in *rule) vouching(_ *reader, out *verify.Rule) error {
	for i := range in.Vouch {
		v, err := in.Vouch[i].vouch()
		switch {
		case err != nil:
			return err
		case slices.Contains(out.Vouch, v):
			return at(in.Vouch[i].token, "vouch: %s is listed twice", firstLine(in.Vouch[i].kind))
		case v.PredicateType == evidence.SignPredicate:
			return at(in.Vouch[i].token, "vouch: %s is the type of a signature: write signature", v.PredicateType)
		}
		out.Vouch = append(out.Vouch, v)
	}
	return in.wanted(out)
}

// wanted refuses demands that nothing which vouches could meet.
func (in *rule) wanted(out *verify.Rule) error {
	if len(out.Vouch) == 0 {
		return nil
	}
	by := func(kinds ...check.VouchedBy) bool {
		return slices.ContainsFunc(out.Vouch, func(v verify.Vouch) bool { return slices.Contains(kinds, v.By) })
	}
	first := in.Vouch[0].token
	senderOnly := by(check.VouchedBySender) && len(out.Vouch) == 1
	ofSignatures := []*value{&in.Signers, &in.Logs, &in.Timestamps, &in.MaxAge, &in.NotBefore, &in.NotAfter, &in.Log,
		&in.Inclusion, &in.ChildSignatures, &in.AllSignatures}
	switch {
	case senderOnly && slices.ContainsFunc(ofSignatures, (*value).given):
		return at(first, "only the sender vouches, so demands on signatures have no effect: drop them, or add to "+
			"vouch what they are demanded of")
	case len(in.Annotations) > 0 && !by(check.VouchedBySignature):
		return at(first, "annotations are demanded, and only a signature has them: add signature to vouch, or "+
			"drop them")
	case senderOnly && len(out.Keys)+len(out.Fingerprints)+len(out.Identities) > 0:
		return at(first, "only the sender vouches, so keys and identities have no effect: drop them, or add to vouch "+
			"what they vouch by")
	}
	return nil
}

func (in *rule) log(_ *reader, out *verify.Rule) error {
	word, err := in.Log.choice("required", "optional")
	if err != nil {
		return err
	}
	out.LogOptional = word == "optional"
	if out.LogOptional && (out.RequireInclusion || out.RequireLogs > 1) {
		return in.Log.fault("log: optional contradicts inclusion and logs, which demand a log entry")
	}
	return nil
}

// names reads under which other names the image may be signed, and where else its
// evidence may be.
func (in *rule) names(_ *reader, out *verify.Rule) (err error) {
	for i := range in.SignedAs {
		if err := in.SignedAs[i].pattern("signedAs"); err != nil {
			return err
		}
		out.SignedAs = append(out.SignedAs, in.SignedAs[i].text)
	}
	if v := &in.SignatureRepository; v.given() {
		if out.SignatureRepository, err = oci.ParseRepository(v.text); err != nil {
			return v.fault("signatureRepository: %v", err)
		}
	}
	return nil
}

func (in *rule) payloads(_ *reader, out *verify.Rule) error {
	for i := range in.PayloadTypes {
		v := &in.PayloadTypes[i]
		if slices.Contains(out.PayloadTypes, v.text) {
			return v.fault("payloadTypes: %q is listed twice", firstLine(v.text))
		}
		out.PayloadTypes = append(out.PayloadTypes, v.text)
	}
	return nil
}

// deny is what the policy refuses whatever it vouches for.
type deny struct {
	Keys       []key      `yaml:"keys"`
	Identities []identity `yaml:"identities"`
	Digests    []value    `yaml:"digests"`
}

func (r *reader) deny(doc *document, p *Policy) error {
	for i := range doc.Deny.Keys {
		k, fingerprint, err := doc.Deny.Keys[i].read(r)
		if err != nil {
			return err
		}
		if k != nil {
			fingerprint = k.Fingerprint()
		}
		p.Deny.Keys = append(p.Deny.Keys, fingerprint)
	}
	for i := range doc.Deny.Identities {
		id, err := doc.Deny.Identities[i].policy(&rule{})
		if err != nil {
			return err
		}
		p.Deny.Identities = append(p.Deny.Identities, id)
	}
	for i := range doc.Deny.Digests {
		d, err := oci.ParseDigest(doc.Deny.Digests[i].text)
		if err != nil {
			return doc.Deny.Digests[i].fault("deny.digests: %v", err)
		}
		p.Deny.Digests = append(p.Deny.Digests, d)
	}
	return r.notDenied(doc, p)
}

// notDenied refuses a policy that pins a key and denies it.
func (r *reader) notDenied(doc *document, p *Policy) error {
	denied := func(k *trust.Key) bool { return slices.Contains(p.Deny.Keys, k.Fingerprint()) }
	for i := range p.Rules {
		rule := &p.Rules[i]
		both := func(f string) bool { return slices.Contains(p.Deny.Keys, f) }
		if slices.ContainsFunc(rule.Keys, denied) || slices.ContainsFunc(rule.Fingerprints, both) {
			return doc.Images[i].Match.fault("this rule names a key that deny refuses: %s", rule.Pattern)
		}
	}
	if slices.ContainsFunc(p.SealKeys, denied) {
		return &Error{Message: "seal names a key that deny refuses"}
	}
	return nil
}
