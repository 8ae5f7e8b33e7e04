package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

func policyCommand() *command {
	return &command{
		name: "policy", args: "check FILE | init BUNDLE", short: "explain a policy file in words, or draft one for a bundle",
		long: `A policy file says once what every bundle must meet: whose images, signed by
whom, when, with which attestations, how many, and what the transfer record must
hold. gapseal export and verify take it with --policy.

  check FILE    read the file strictly and say in words what it demands
  init BUNDLE   draft a policy from what a bundle says it holds; who may sign is
                left open, for nothing inside a bundle is an anchor`,
		examples: `
gapseal policy check imports.yaml
gapseal policy init app.tar -o imports.yaml
gapseal verify app.tar --policy imports.yaml`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			output := fs.StringP("output", "o", "", "init: write the draft to `FILE`, which must not exist (default: standard output)")
			return func(_ context.Context, args []string, std stdio) error { return policyRun(args, *output, std) }
		},
	}
}

func policyRun(args []string, output string, std stdio) error {
	switch {
	case len(args) == 2 && args[0] == "check" && output == "":
		return policyCheck(args[1], std)
	case len(args) == 2 && args[0] == "init":
		return policyInit(args[1], output, std)
	}
	return usagef("policy takes check and a policy file, or init and a bundle; gapseal policy --help shows how")
}

func policyCheck(path string, std stdio) error {
	p, err := readPolicy("", path)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := p.Explain(&text); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		fmt.Fprint(std.out, report.Fold(report.Terminal(line), indent+2))
	}
	report.Row(std.out, "policy", p.Name)
	report.Row(std.out, "file", path, p.Digest)
	return nil
}

// readPolicy reads a policy file, named by a flag or else an argument. Keys that
// it names lie beside it.
func readPolicy(flag, path string) (*policy.Policy, error) {
	raw, err := readAnchor(path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(raw, func(name string) ([]byte, string, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		raw, err := readAnchor(name)
		return raw, absolute(name), err
	})
	if err != nil {
		return nil, usagef("%s%s: %v", flag, path, err)
	}
	p.Path = absolute(path)
	return p, nil
}

// parsePolicy adds what the policy demands.
func (j *judging) parsePolicy(o *verify.Options) error {
	if j.policy == "" {
		return nil
	}
	p, err := readPolicy("--policy ", j.policy)
	if err != nil {
		return err
	}
	for _, r := range p.Rules {
		if len(r.Identities) > 0 && len(o.CAs) == 0 {
			return usagef("--policy %s names identities; they need the certificate authorities of a trusted root: --trusted-root FILE", j.policy)
		}
	}
	o.Policy, o.SealKeys = &p.Policy, p.SealKeys
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
