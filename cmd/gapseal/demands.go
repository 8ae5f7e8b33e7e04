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
		ref, err := oci.ParseReference(s)
		if err != nil {
			return usagef("--image: %v", err)
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

func (j *judging) parseLimits(o *verify.Options) error {
	for _, s := range j.limits {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--limit %q: want NAME=VALUE", s)
		}
		if err := setLimit(&o.Limits, name, value); err != nil {
			return err
		}
	}
	return nil
}

func limitNames() string {
	l := oci.DefaultLimits()
	var names []string
	for _, b := range l.Budgets() {
		names = append(names, b.Name)
	}
	return strings.Join(names, ", ")
}

func setLimit(l *oci.Limits, name, value string) error {
	for _, b := range l.Budgets() {
		if b.Name != name {
			continue
		}
		read := quantity.Count
		if b.Bytes {
			read = quantity.Bytes
		}
		n, err := read(value)
		if err != nil {
			return usagef("--limit %s: %v", name, err)
		}
		*b.Value = n
		return nil
	}
	return usagef("--limit %q: no such budget; there are %s", name, limitNames())
}

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
			return usagef("--require-attestation %q: want a URI or one of slsaprovenance, slsaprovenance1, spdxjson, cyclonedx, vuln", name)
		}
		o.Attestations = append(o.Attestations, verify.RequiredAttestation{Name: name, PredicateType: uri, Count: count})
	}
	return nil
}
