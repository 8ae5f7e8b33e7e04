package main

import (
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/trust"
)

// readPolicy reads a policy file, named by a flag or else an argument. Keys that
// it names lie beside it.
func readPolicy(flag, path string) (*policy.Policy, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(raw, func(name string) ([]byte, string, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		raw, err := readAnchor("", name)
		return raw, absolute(name), err
	})
	if err != nil {
		return nil, usagef("%s: %v", named(flag, path), err)
	}
	p.Path = absolute(path)
	return p, nil
}

// parsePolicy adds what the policy demands.
func (j *judging) parsePolicy(o *verify.Options) error {
	if j.policy == "" {
		return nil
	}
	p, err := readPolicy("--policy", j.policy)
	if err != nil {
		return err
	}
	for _, r := range p.Rules {
		if len(r.Identities) > 0 && len(o.CAs) == 0 {
			return usagef("--policy %s names identities; they need the certificate authorities of a trusted root: --trusted-root FILE", j.policy)
		}
	}
	o.Policy, o.SealKeys = &p.Policy, p.SealKeys
	return j.unused(o)
}

// unused refuses who is named by flag where the policy leaves no room for them:
// they would stand in the report as trusted, and vouch for nothing.
func (j *judging) unused(o *verify.Options) error {
	if len(o.Keys)+len(o.Fingerprints) == 0 && o.Identity == nil || o.Policy.JudgeUnlisted {
		return nil
	}
	for _, r := range o.Policy.Rules {
		if len(r.Keys)+len(r.Fingerprints)+len(r.Identities) == 0 {
			return nil
		}
	}
	flag := "--key"
	if o.Identity != nil {
		flag = "--certificate-identity"
	}
	return usagef("%s would go unused: each rule of the policy %s says who may sign, and images that no rule matches are refused; drop the flag, or have the policy changed", flag, j.policy)
}

// apart refuses to write over the key files that the policy names.
func (j *judging) apart(outputs []string, o *verify.Options) error {
	files := keyFiles(o.SealKeys)
	if o.Policy != nil {
		for _, r := range o.Policy.Rules {
			files = append(files, keyFiles(r.Keys)...)
		}
	}
	for _, out := range outputs {
		if err := keepApart(out, files); err != nil {
			return err
		}
	}
	return nil
}

// joinSealKeys joins the seal keys of a policy and those of flags. Where a policy
// names who may seal, a flag can narrow that and not widen it.
func joinSealKeys(policy, flags []*trust.Key) ([]*trust.Key, error) {
	if len(policy) == 0 || len(flags) == 0 {
		return slices.Concat(policy, flags), nil
	}
	for _, k := range flags {
		if !slices.ContainsFunc(policy, func(p *trust.Key) bool { return p.Fingerprint() == k.Fingerprint() }) {
			return nil, usagef("--seal-key %s: the policy names who may seal, and this key is not among them; drop the flag, or have the policy changed", k.Path)
		}
	}
	return flags, nil
}
