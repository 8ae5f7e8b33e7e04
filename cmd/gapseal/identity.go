package main

import (
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

// identity holds the flags that demand a keyless signer, by the names that
// cosign gives them.
type identity struct{ policy cert.Policy }

func (i *identity) declare(fs *pflag.FlagSet) {
	p := &i.policy
	fs.StringVar(&p.SAN, "certificate-identity", "", "demand a keyless signature by `IDENTITY`, an e-mail address or URI; needs --trusted-root")
	fs.StringVar(&p.SANRegexp, "certificate-identity-regexp", "", "the same as a regular expression `RE`, which must match the whole identity")
	fs.StringVar(&p.Issuer, "certificate-oidc-issuer", "", "demand that `ISSUER` vouched for the identity")
	fs.StringVar(&p.IssuerRegexp, "certificate-oidc-issuer-regexp", "", "the same as a regular expression `RE`, which must match the whole issuer")
	fs.StringVar(&p.GitHubWorkflow.Trigger, "certificate-github-workflow-trigger", "", "demand this GitHub workflow `EVENT` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.SHA, "certificate-github-workflow-sha", "", "demand this commit `SHA` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Name, "certificate-github-workflow-name", "", "demand this workflow `NAME` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Repository, "certificate-github-workflow-repository", "", "demand this `OWNER/REPO` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Ref, "certificate-github-workflow-ref", "", "demand this git `REF` in the certificate")
}

// given reports whether any of the flags was used.
func (i *identity) given() bool { return i.policy != (cert.Policy{}) }

// parse puts the demand into o. A key and an identity together are an error:
// each signature is made by one or the other.
func (i *identity) parse(o *verify.Options) error {
	if !i.given() {
		return nil
	}
	if len(o.Keys)+len(o.Fingerprints) > 0 {
		return usagef("--key and --certificate-identity exclude each other: pass the one by which the images are signed")
	}
	p := &i.policy
	switch {
	case p.Issuer+p.IssuerRegexp == "":
		return usagef("--certificate-identity needs --certificate-oidc-issuer, too: it says who must have vouched for the identity")
	case p.SAN+p.SANRegexp == "":
		return usagef("--certificate-oidc-issuer needs --certificate-identity, too: it says whom the issuer must have vouched for")
	}
	if err := i.policy.Validate(); err != nil {
		return usagef("--certificate-identity and --certificate-oidc-issuer: %v", err)
	}
	if len(o.CAs) == 0 {
		return usagef("a keyless signature needs the certificate authorities of a trusted root that has some: --trusted-root FILE")
	}
	o.Identity = &i.policy
	return nil
}
