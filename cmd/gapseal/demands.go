package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/evidence"
)

// clock is the host's; tests judge real evidence as of a fixed time.
var clock = time.Now

// judging holds the flags that say what is trusted and what is demanded. Export
// and verify share them, and judge by the same code.
type judging struct {
	identity
	attestations        []string
	requireInclusion    bool
	keys, rekorKeys     []string
	trustedRoot         string
	policy              string
	ignoreTlog          bool
	images, annotations []string
	accept, platforms   []string
	maxAge, notBefore   string
	at                  string
	requireAll, strict  bool
	requireChildren     bool
	requireLogs         int
	requireTimestamps   int
	limits              []string
	budgets             oci.Limits // as the limits say
	notes               []string   // about the anchors
}

// The flags of judging, by their headings in help.
const (
	trustFlags  = "key certificate-* trusted-root rekor-key policy seal-key"
	demandFlags = "image annotations max-age not-before require-* strict"
	waiverFlags = "accept-reference insecure-ignore-tlog at allow-unverified"
)

func (j *judging) declare(c *cobra.Command, keyHelp, platformHelp string) {
	fs := c.Flags()
	fs.StringArrayVar(&j.keys, "key", nil, keyHelp)
	j.identity.declare(fs)
	fs.StringVar(&j.policy, "policy", "", "demand what this policy `FILE` (YAML) demands, as well as the flags; gapseal policy check explains it")
	fs.StringArrayVarP(&j.annotations, "annotations", "a", nil, "demand that the signed payload carries `KEY=VALUE` (repeatable)")
	fs.StringArrayVar(&j.images, "image", nil, "demand that the bundle holds `REF[@DIGEST]`; a digest binds the reference (repeatable)")
	fs.StringArrayVar(&j.platforms, "platform", nil, platformHelp)
	fs.StringVar(&j.maxAge, "max-age", "", "demand a logged time no older than `DURATION`, such as 30d or 12h")
	fs.StringVar(&j.notBefore, "not-before", "", "demand a logged time not before `TIME`, such as 2026-01-31 or 2026-01-31T12:00:00Z")
	fs.StringArrayVar(&j.rekorKeys, "rekor-key", nil, "trust the transparency log with this PEM `FILE` instead of the built-in ones (repeatable)")
	fs.StringVar(&j.trustedRoot, "trusted-root", "", "trust the logs and authorities of this Sigstore trusted root `FILE` instead of the built-in logs")
	fs.StringArrayVar(&j.accept, "accept-reference", nil, "waiver: the image known as REPO may be signed for SIGNED_REPO, as `REPO=SIGNED_REPO` (repeatable)")
	fs.BoolVar(&j.ignoreTlog, "insecure-ignore-tlog", false, "waiver: accept signatures without a log entry; one that is present and wrong still fails")
	fs.StringVar(&j.at, "at", "", "waiver: judge as of `TIME`, for a host with a wrong clock")
	fs.StringArrayVar(&j.attestations, "require-attestation", nil, "demand an attestation that verifies, as `TYPE[=N]`: slsaprovenance, slsaprovenance1, spdxjson, cyclonedx, vuln or a URI (repeatable)")
	fs.BoolVar(&j.requireInclusion, "require-inclusion", false, "demand an inclusion proof of each log entry; a signed entry timestamp is not enough")
	fs.IntVar(&j.requireLogs, "require-logs", 1, "demand that `N` distinct transparency logs speak for one signature")
	fs.IntVar(&j.requireTimestamps, "require-timestamps", 0, "demand that `N` distinct timestamp authorities of the trusted root stamped one signature")
	fs.BoolVar(&j.requireAll, "require-all", false, "demand that every signature found is good")
	fs.BoolVar(&j.requireChildren, "require-child-signatures", false, "demand that each platform of an index has a good signature of its own")
	fs.BoolVar(&j.strict, "strict", false, "treat warnings as failures")
	declareLimits(c, &j.limits)
	completes(c, "require-attestation", words(strings.Split(attestationTypes, ", ")...))
}

// options turns the flags into what verify takes. loadKey reads one --key.
func (j *judging) options(loadKey func(arg string, o *verify.Options) error) (verify.Options, error) {
	now := clock().UTC().Truncate(time.Second)
	o := verify.Options{
		Demands: verify.Demands{
			RequireAll: j.requireAll, RequireChildren: j.requireChildren, RequireInclusion: j.requireInclusion,
			RequireLogs: j.requireLogs, RequireTimestamps: j.requireTimestamps,
		},
		IgnoreTlog: j.ignoreTlog, Strict: j.strict, At: now, HostTime: now,
		Tool: toolVersion(), Command: shownCommand(os.Args), Advise: advise,
	}
	for _, k := range j.keys {
		if err := loadKey(k, &o); err != nil {
			return o, err
		}
	}
	for _, parse := range []func(*verify.Options) error{j.parseLogs, j.identity.parse, j.parsePolicy, j.parseAttestations, j.parseDemands, j.parseTimes, func(*verify.Options) error { return j.parseLimits() }} {
		if err := parse(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// inputs are the files that the operator named, besides the bundle.
func (j *judging) inputs() []string {
	return slices.Concat(j.keys, j.rekorKeys, []string{j.trustedRoot, j.policy})
}

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

func (j *judging) parseLimits() error {
	for _, s := range j.limits {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--limit %q: want NAME=VALUE", s)
		}
		if err := setLimit(&j.budgets, name, value); err != nil {
			return err
		}
	}
	return nil
}

// limitNames lists the budgets, those in bytes or the others.
func limitNames(bytes bool) string {
	l := oci.DefaultLimits()
	var names []string
	for _, b := range l.Budgets() {
		if b.Bytes == bytes {
			names = append(names, b.Name)
		}
	}
	return strings.Join(names, ", ")
}

// declareLimits declares --limit, which can be repeated.
func declareLimits(c *cobra.Command, limits *[]string) {
	c.Flags().StringArrayVar(limits, "limit", nil, "raise or lower a budget, as `NAME=VALUE`, such as metadata=128MiB or images=20000 (repeatable). Sizes: "+limitNames(true)+"; numbers: "+limitNames(false))
	completes(c, "limit", assigned(nil, strings.Split(limitNames(true)+", "+limitNames(false), ", ")...))
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
	return usagef("--limit %q: no such budget; there are %s, %s", name, limitNames(true), limitNames(false))
}
