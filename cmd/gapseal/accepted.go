package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/policy"
)

// accepted holds the flags that accept, for one run, what the rule of a policy can
// accept for good. Each is a waiver.
type accepted struct {
	attestations, platformAttestations []string
	sender                             bool
	log                                string
	signedAs, payloadTypes             []string
}

func (a *accepted) declare(c *cobra.Command) {
	fs := c.Flags()
	fs.StringArrayVar(&a.attestations, "accept-attestation", nil,
		"waiver: an attestation of `TYPE` about an image suffices in place of a signature (repeatable)")
	fs.StringArrayVar(&a.platformAttestations, "accept-platform-attestation", nil, "waiver: a signed attestation of "+
		"`TYPE` for each platform suffices, although the index itself is not signed (repeatable)")
	fs.BoolVar(&a.sender, "accept-sender", false, "waiver: accept images that their publisher did not sign, if the "+
		"sender sealed the bundle (--seal-key) and a lock or the policy pins their digests")
	fs.StringVar(&a.log, "log", "required", "waiver: `WORD` optional accepts signatures without a log entry")
	fs.StringArrayVar(&a.signedAs, "signed-as", nil,
		"waiver: images may be signed under names that match `PATTERN`, such as registry.acme.example/** (repeatable)")
	fs.StringArrayVar(&a.payloadTypes, "accept-payload-type", nil,
		"waiver: accept signed payloads of this `TYPE` besides cosign's (repeatable)")
	completes(c, "accept-attestation", words(attestationTypes...))
	completes(c, "accept-platform-attestation", words(attestationTypes...))
	completes(c, "log", words("required", "optional"))
}

// parse puts into o what the flags accept.
func (a *accepted) parse(o *verify.Options) error {
	for _, list := range []struct {
		flag string
		by   check.VouchedBy
		of   []string
	}{
		{"--accept-attestation", check.VouchedByAttestation, a.attestations},
		{"--accept-platform-attestation", check.VouchedByPlatformAttestation, a.platformAttestations},
	} {
		for _, name := range list.of {
			uri, err := predicate(list.flag, name)
			if err != nil {
				return err
			}
			if uri == evidence.SignPredicate {
				return usagef("%s %s: that is the type of a signature, which needs no waiver", list.flag, name)
			}
			o.Vouch = append(o.Vouch, verify.Vouch{By: list.by, Name: name, PredicateType: uri})
		}
	}
	if a.sender {
		o.Vouch = append(o.Vouch, verify.Vouch{By: check.VouchedBySender})
	}
	return a.parseLoosened(o)
}

func (a *accepted) parseLoosened(o *verify.Options) error {
	switch a.log {
	case "required":
	case "optional":
		o.LogOptional = true
	default:
		return usagef("--log %q: want required or optional", a.log)
	}
	if o.LogOptional && (o.RequireInclusion || o.RequireLogs > 1) {
		return usagef("--log optional contradicts --require-inclusion and --require-logs, which demand a log entry")
	}
	for _, p := range a.signedAs {
		if err := policy.CheckPattern(p); err != nil {
			return usagef("--signed-as: %v", err)
		}
		o.SignedAs = append(o.SignedAs, p)
	}
	if slices.Contains(a.payloadTypes, "") {
		return usagef("--accept-payload-type: want a type, found an empty one")
	}
	o.PayloadTypes = append(o.PayloadTypes, a.payloadTypes...)
	return nil
}
