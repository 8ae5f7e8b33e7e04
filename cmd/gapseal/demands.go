package main

import (
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/evidence"
)

// parseDemands reads what the bundle must hold and its signatures must meet.
func (j *judging) parseDemands(o *verify.Options) error {
	if j.requireLogs < 1 || j.requireTimestamps < 0 {
		return usagef("--require-logs wants 1 or more, --require-timestamps 0 or more")
	}
	if j.requireTimestamps > 0 && len(o.TSAs) == 0 {
		return usagef("--require-timestamps needs a trusted root that has timestamp authorities: --trusted-root FILE")
	}
	for _, s := range j.images {
		ref, note, err := parseImage("--image", s)
		if err != nil {
			return err
		}
		if note != "" {
			j.notes = append(j.notes, note)
		}
		o.Images = append(o.Images, ref)
	}
	for _, s := range j.platforms {
		p, err := oci.ParsePlatform(s)
		if err != nil {
			return usagef("--platform: %v", err)
		}
		o.Platforms = append(o.Platforms, p)
	}
	if err := j.parseAnnotations(o); err != nil {
		return err
	}
	return j.parseAccept(o)
}

func (j *judging) parseAnnotations(o *verify.Options) error {
	for _, s := range j.annotations {
		k, v, ok := strings.Cut(s, "=")
		if !ok || k == "" {
			return usagef("--annotations %q: want KEY=VALUE", s)
		}
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		if old, ok := o.Annotations[k]; ok && old != v {
			return usagef("--annotations: %q is demanded to be both %q and %q", k, old, v)
		}
		o.Annotations[k] = v
	}
	return nil
}

func (j *judging) parseAccept(o *verify.Options) error {
	for _, s := range j.accept {
		image, signed, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--accept-reference %q: want REPO=SIGNED_REPO", s)
		}
		i, err := oci.ParseRepository(image)
		if err != nil {
			return usagef("--accept-reference: %v", err)
		}
		g, err := oci.ParseRepository(signed)
		if err != nil {
			return usagef("--accept-reference: %v", err)
		}
		o.AcceptReference = append(o.AcceptReference, verify.AcceptReference{Image: i, Signed: g})
	}
	return nil
}

func (j *judging) parseTimes(o *verify.Options) (err error) {
	if j.maxAge != "" {
		if o.MaxAge, err = quantity.Duration(j.maxAge); err != nil {
			return usagef("--max-age %v", err)
		}
	}
	if j.notBefore != "" {
		if o.NotBefore, err = quantity.Time(j.notBefore); err != nil {
			return usagef("--not-before: %v", err)
		}
	}
	if j.at != "" {
		if o.At, err = quantity.Time(j.at); err != nil {
			return usagef("--at: %v", err)
		}
	}
	return nil
}

// attestationTypes are the names that cosign gives the types asked for most.
const attestationTypes = "slsaprovenance, slsaprovenance1, spdxjson, cyclonedx, vuln"

// parseAttestations reads --require-attestation TYPE[=N].
func (j *judging) parseAttestations(o *verify.Options) error {
	for _, s := range j.attestations {
		name, count := s, 1
		if i := strings.LastIndexByte(s, '='); i > 0 {
			n, err := strconv.ParseUint(s[i+1:], 10, 16)
			if err != nil || n == 0 {
				return usagef("--require-attestation %q: want TYPE or TYPE=N, N being 1 or more", s)
			}
			name, count = s[:i], int(n)
		}
		uri, ok := evidence.PredicateURI(name)
		if !ok {
			return usagef("--require-attestation %q: want a URI or one of %s", name, attestationTypes)
		}
		o.Attestations = append(o.Attestations, verify.RequiredAttestation{Name: name, PredicateType: uri, Count: count})
	}
	return nil
}
