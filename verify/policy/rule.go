package policy

import (
	"regexp"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// rule is one entry of images.
type rule struct {
	Match           value            `yaml:"match"`
	Required        value            `yaml:"required"`
	Keys            []key            `yaml:"keys"`
	Identities      []identity       `yaml:"identities"`
	Signers         value            `yaml:"signers"`
	Logs            value            `yaml:"logs"`
	Timestamps      value            `yaml:"timestamps"`
	Annotations     map[string]value `yaml:"annotations"`
	Attestations    []attestation    `yaml:"attestations"`
	Platforms       []value          `yaml:"platforms"`
	OnlyPlatforms   []value          `yaml:"onlyPlatforms"`
	Digests         []value          `yaml:"digests"`
	MaxAge          value            `yaml:"maxAge"`
	NotBefore       value            `yaml:"notBefore"`
	NotAfter        value            `yaml:"notAfter"`
	Inclusion       value            `yaml:"inclusion"`
	ChildSignatures value            `yaml:"childSignatures"`
	AllSignatures   value            `yaml:"allSignatures"`
}

type attestation struct {
	Type  value `yaml:"type"`
	Count value `yaml:"count"`
}

// read returns the rule as package verify takes it.
func (in *rule) read(r *reader) (*verify.Rule, error) {
	out := &verify.Rule{Pattern: in.Match.text}
	for _, read := range []func(*reader, *verify.Rule) error{
		in.pattern, in.booleans, in.anchors, in.attested, in.platforms, in.digests, in.times, in.counts,
	} {
		if err := read(r, out); err != nil {
			return nil, err
		}
	}
	for name, v := range in.Annotations {
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations[name] = v.text
	}
	return out, nil
}

// pattern requires a repository with its registry, because claimed references
// are written in full: a pattern that leaves the registry out would match
// nothing, and go unnoticed.
func (in *rule) pattern(_ *reader, out *verify.Rule) error {
	p := out.Pattern
	registry, _, ok := strings.Cut(p, "/")
	switch {
	case !in.Match.given():
		return &Error{Message: "match: each rule of images needs a pattern such as ghcr.io/acme/*"}
	case p == "**":
	case !ok && patternForm.MatchString("docker.io/library/"+p):
		return in.Match.fault("match %q: write the registry too, such as docker.io/library/%s", firstLine(p),
			firstLine(p))
	case !patternForm.MatchString(p):
		return in.Match.fault("match %q: want a repository in lower case, with or without a tag, such as "+
			"ghcr.io/acme/*", firstLine(p))
	case !ok || !strings.ContainsAny(registry, ".:*") && registry != "localhost":
		return in.Match.fault("match %q: write the registry too, such as docker.io/library/%s", firstLine(p),
			firstLine(p))
	}
	return in.fullName(p)
}

// patternForm is the form of a pattern: a registry, perhaps with a port, path
// components, and perhaps a tag. Each part may contain *.
var patternForm = regexp.MustCompile(`^` + component + `(?::[0-9]+)?(?:/` + component + `)+` + `(?::` + tag + `)?$`)

const (
	component = `[a-z0-9*]+(?:[._-]+[a-z0-9*]+)*`
	tag       = `[A-Za-z0-9_*][A-Za-z0-9_.*-]*`
)

// fullName requires a pattern without * to be a name written in full, as references
// in a bundle are: any other would match nothing.
func (in *rule) fullName(p string) error {
	if strings.Contains(p, "*") {
		return nil
	}
	full := ""
	if ref, err := oci.ParseReference(p); err == nil && ref.Tag != "" && oci.HasTag(p) {
		full = ref.Name()
	} else if repository, err := oci.ParseRepository(p); err == nil {
		full = repository
	}
	if full != p {
		return in.Match.fault("match %q would match nothing: the full name is %q", firstLine(p), firstLine(full))
	}
	return nil
}

func (in *rule) booleans(_ *reader, out *verify.Rule) (err error) {
	for _, f := range []struct {
		in  *value
		out *bool
	}{
		{&in.Required, &out.Required},
		{&in.Inclusion, &out.RequireInclusion},
		{&in.ChildSignatures, &out.RequireChildren},
		{&in.AllSignatures, &out.RequireAll},
	} {
		if *f.out, err = f.in.flag(); err != nil {
			return err
		}
	}
	return nil
}

func (in *rule) attested(_ *reader, out *verify.Rule) error {
	for i := range in.Attestations {
		a := &in.Attestations[i]
		uri, ok := evidence.PredicateURI(a.Type.text)
		if !ok {
			return a.Type.fault("attestations: want a type, a URI or one of slsaprovenance, slsaprovenance1, "+
				"spdxjson, cyclonedx, vuln, found %q", firstLine(a.Type.text))
		}
		count := int64(1)
		if a.Count.given() {
			n, err := quantity.Count(a.Count.text)
			if err != nil || n > 1000 {
				return a.Count.fault("attestations: want a count from 1 to 1000, found %q", firstLine(a.Count.text))
			}
			count = n
		}
		out.Attestations = append(out.Attestations, verify.RequiredAttestation{Name: a.Type.text, PredicateType: uri,
			Count: int(count)})
	}
	return nil
}

func (in *rule) platforms(_ *reader, out *verify.Rule) error {
	for _, list := range []struct {
		in  []value
		out *[]oci.Platform
	}{
		{in.Platforms, &out.Platforms},
		{in.OnlyPlatforms, &out.OnlyPlatforms},
	} {
		for i := range list.in {
			p, err := oci.ParsePlatform(list.in[i].text)
			if err != nil {
				return list.in[i].fault("%v", err)
			}
			*list.out = append(*list.out, p)
		}
	}
	return nil
}

func (in *rule) digests(_ *reader, out *verify.Rule) error {
	for i := range in.Digests {
		d, err := oci.ParseDigest(in.Digests[i].text)
		if err != nil {
			return in.Digests[i].fault("%v", err)
		}
		out.Digests = append(out.Digests, d)
	}
	return nil
}

func (in *rule) times(_ *reader, out *verify.Rule) (err error) {
	if in.MaxAge.given() {
		if out.MaxAge, err = quantity.Duration(in.MaxAge.text); err != nil {
			return in.MaxAge.fault("maxAge: %v", err)
		}
	}
	for _, t := range []struct {
		name string
		in   *value
		out  *time.Time
	}{
		{"notBefore", &in.NotBefore, &out.NotBefore},
		{"notAfter", &in.NotAfter, &out.NotAfter},
	} {
		if !t.in.given() {
			continue
		}
		if *t.out, err = quantity.Time(t.in.text); err != nil {
			return t.in.fault("%s: %v", t.name, err)
		}
	}
	if !out.NotAfter.IsZero() && out.NotAfter.Before(out.NotBefore) {
		return in.NotAfter.fault("notAfter is before notBefore: no signature could meet both")
	}
	return nil
}

func (in *rule) counts(_ *reader, out *verify.Rule) error {
	for _, c := range []struct {
		name string
		in   *value
		out  *int
	}{
		{"signers", &in.Signers, &out.Signers},
		{"logs", &in.Logs, &out.RequireLogs},
		{"timestamps", &in.Timestamps, &out.RequireTimestamps},
	} {
		if !c.in.given() {
			continue
		}
		n, err := quantity.Count(c.in.text)
		if err != nil || n > 1000 {
			return c.in.fault("%s: want a number from 1 to 1000, found %q", c.name, firstLine(c.in.text))
		}
		*c.out = int(n)
	}
	if named := len(out.Keys) + len(out.Fingerprints); len(out.Identities) == 0 && named > 0 && named < out.Signers {
		return in.Signers.fault("signers: %d distinct signers are required, but only %d may sign", out.Signers, named)
	}
	return nil
}

// key names a public key in one of three ways.
type key struct {
	File        value `yaml:"file"`
	Fingerprint value `yaml:"fingerprint"`
	PEM         value `yaml:"pem"`
}

// identity is a keyless signer.
type identity struct {
	Identity       value  `yaml:"identity"`
	IdentityRegexp value  `yaml:"identityRegexp"`
	Issuer         value  `yaml:"issuer"`
	IssuerRegexp   value  `yaml:"issuerRegexp"`
	GitHub         github `yaml:"github"`
}

type github struct {
	Trigger    value `yaml:"trigger"`
	SHA        value `yaml:"sha"`
	Name       value `yaml:"name"`
	Repository value `yaml:"repository"`
	Ref        value `yaml:"ref"`
}

func (in *rule) anchors(r *reader, out *verify.Rule) error {
	seen := map[string]bool{}
	for i := range in.Keys {
		k, fingerprint, err := in.Keys[i].read(r)
		switch {
		case err != nil:
			return err
		case k != nil:
			fingerprint = k.Fingerprint()
			out.Keys = append(out.Keys, k)
		default:
			out.Fingerprints = append(out.Fingerprints, fingerprint)
		}
		if seen[fingerprint] {
			return in.Match.fault("keys: %s is listed twice", fingerprint)
		}
		seen[fingerprint] = true
	}
	for i := range in.Identities {
		p, err := in.Identities[i].policy(in)
		if err != nil {
			return err
		}
		out.Identities = append(out.Identities, p)
	}
	return nil
}

// read returns the key or, if the policy gives only a fingerprint, the fingerprint of
// a key that the bundle must carry.
func (k *key) read(r *reader) (*trust.Key, string, error) {
	var one *value
	given := 0
	for _, v := range []*value{&k.File, &k.Fingerprint, &k.PEM} {
		if v.given() {
			one = v
			given++
		}
	}
	switch {
	case given == 0:
		return nil, "", &Error{Message: "keys: each key needs file, fingerprint or pem, found none"}
	case given > 1:
		return nil, "", one.fault("keys: each key needs one of file, fingerprint and pem, found %d", given)
	case k.Fingerprint.given():
		f, err := trust.ParseFingerprint(one.text)
		if err != nil {
			return nil, "", one.fault("%v", err)
		}
		return nil, f, nil
	case k.PEM.given():
		key, err := one.key([]byte(one.text))
		return key, "", err
	}
	raw, path, err := r.open(one.text)
	if err != nil {
		return nil, "", one.fault("the key file cannot be read: %v", err)
	}
	key, err := one.key(raw)
	if key != nil {
		key.Path = path
	}
	return key, "", err
}

func (v *value) key(pem []byte) (*trust.Key, error) {
	key, err := trust.ParseKey(pem)
	if err != nil {
		return nil, v.fault("%v", err)
	}
	return key, nil
}

func (i *identity) policy(in *rule) (*cert.Policy, error) {
	p := &cert.Policy{
		SAN:          i.Identity.text,
		SANRegexp:    i.IdentityRegexp.text,
		Issuer:       i.Issuer.text,
		IssuerRegexp: i.IssuerRegexp.text,
		GitHubWorkflow: cert.GitHubWorkflow{
			Trigger:    i.GitHub.Trigger.text,
			SHA:        i.GitHub.SHA.text,
			Name:       i.GitHub.Name.text,
			Repository: i.GitHub.Repository.text,
			Ref:        i.GitHub.Ref.text,
		},
	}
	err := p.Validate()
	if err == nil {
		return p, nil
	}
	for _, v := range []*value{&i.IdentityRegexp, &i.IssuerRegexp, &i.Identity, &i.Issuer, &in.Match} {
		if v.given() {
			return nil, v.fault("identities: %v", err)
		}
	}
	return nil, &Error{Message: err.Error()}
}
