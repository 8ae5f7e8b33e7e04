package policy

import (
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/trust"
)

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

// read returns the key, or the fingerprint of one that must come with the
// bundle.
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
	keys, err := trust.ParseKeys(pem)
	if err != nil {
		return nil, v.fault("%v", err)
	}
	if len(keys) > 1 {
		return nil, v.fault("public key file: want one key for each entry, found %d", len(keys))
	}
	return keys[0], nil
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
