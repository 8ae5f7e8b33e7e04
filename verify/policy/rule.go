package policy

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
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

	Vouch               []vouch `yaml:"vouch"`
	Log                 value   `yaml:"log"`
	SignedAs            []value `yaml:"signedAs"`
	PayloadTypes        []value `yaml:"payloadTypes"`
	NamesBound          value   `yaml:"namesBound"`
	SignatureRepository value   `yaml:"signatureRepository"`
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
		in.vouching, in.log, in.names, in.payloads,
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
	if !in.Match.given() {
		return &Error{Message: "match: each rule of images needs a pattern such as ghcr.io/acme/*"}
	}
	return in.Match.pattern("match")
}

// CheckPattern reports whether a pattern of image names, as in a rule, can match
// anything. The error says what is wrong with it.
func CheckPattern(pattern string) error {
	err := (&value{text: pattern}).pattern("pattern")
	if own := (*Error)(nil); errors.As(err, &own) {
		return errors.New(own.Message)
	}
	return err
}

// pattern requires a pattern of image names, under a key of the policy.
func (v *value) pattern(key string) error {
	p := v.text
	registry, _, ok := strings.Cut(p, "/")
	switch {
	case p == "**":
	case !ok && patternForm.MatchString("docker.io/library/"+p):
		return v.fault("%s %q: write the registry too, such as docker.io/library/%s", key, firstLine(p),
			firstLine(p))
	case !patternForm.MatchString(p):
		return v.fault("%s %q: want a repository in lower case, with or without a tag, such as ghcr.io/acme/*", key,
			firstLine(p))
	case !ok || !strings.ContainsAny(registry, ".:*") && registry != "localhost":
		return v.fault("%s %q: write the registry too, such as docker.io/library/%s", key, firstLine(p), firstLine(p))
	}
	return v.fullName(key)
}

// patternForm is the form of a pattern: a registry, perhaps with a port, path
// components, and perhaps a tag. Each part may contain *.
var patternForm = regexp.MustCompile(`^` + component + `(?::[0-9]+)?(?:/` + component + `)+` + `(?::` + tag + `)?$`)

const (
	component = `[a-z0-9*]+(?:[._-]+[a-z0-9*]+)*`
	tag       = `[A-Za-z0-9_*][A-Za-z0-9_.*-]*`
)

// fullName requires a pattern without * to be the name as references are
// written in full, because otherwise it matches nothing.
func (v *value) fullName(key string) error {
	p := v.text
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
		return v.fault("%s %q would match nothing: the full name is %q", key, firstLine(p), firstLine(full))
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
		{&in.NamesBound, &out.NamesBound},
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
		uri, err := a.Type.predicate("attestations")
		if err != nil {
			return err
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
