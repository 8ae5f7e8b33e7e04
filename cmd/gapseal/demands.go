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

// judging holds the flags that say what is trusted and what is demanded. Export
// and verify share them, and judge with the same code.
type judging struct {
	anchors
	opt verify.Options // those options that flags set directly

	images, annotations, platforms, attestations, accept []string
	maxAge, notBefore, at                                string
	accepted                                             accepted
	limits                                               limits
}

// The flags of judging, by their headings in help.
const (
	trustFlags  = "key certificate-* trusted-root rekor-key policy seal-key"
	demandFlags = "image annotations max-age not-before require-* strict"
	waiverFlags = "accept-* signed-as log insecure-ignore-tlog at allow-unverified"
)

func (j *judging) declare(c *cobra.Command, keyHelp, platformHelp string) {
	j.anchors.declare(c.Flags(), keyHelp)
	j.declareDemands(c, platformHelp)
	j.declareWaivers(c)
	j.limits.declare(c)
}

func (j *judging) declareDemands(c *cobra.Command, platformHelp string) {
	fs, d := c.Flags(), &j.opt.Demands
	fs.StringArrayVarP(&j.annotations, "annotations", "a", nil,
		"demand that the signed payload carries `KEY=VALUE` (repeatable)")
	fs.StringArrayVar(&j.images, "image", nil,
		"demand that the bundle holds `REF[@DIGEST]`; a digest binds the reference (repeatable)")
	fs.StringArrayVar(&j.platforms, "platform", nil, platformHelp)
	fs.StringVar(&j.maxAge, "max-age", "", "demand a trusted time no older than `DURATION`, such as 30d or "+
		"12h; it shows that a signature existed by then")
	fs.StringVar(&j.notBefore, "not-before", "",
		"demand a trusted time not before `TIME`, such as 2026-01-31 or 2026-01-31T12:00:00Z")
	fs.StringArrayVar(&j.attestations, "require-attestation", nil,
		"demand an attestation that verifies, as `TYPE[=N]`: "+strings.Join(attestationTypes, ", ")+
			" or a URI (repeatable)")
	completes(c, "require-attestation", words(attestationTypes...))
	fs.BoolVar(&d.RequireInclusion, "require-inclusion", false,
		"demand an inclusion proof of each log entry; a signed entry timestamp is not enough")
	fs.IntVar(&d.Signers, "require-signers", 1,
		"demand good signatures by `N` distinct keys; each --key counts once, and so does an identity")
	fs.IntVar(&d.RequireLogs, "require-logs", 1, "demand that `N` distinct transparency logs have logged one signature")
	fs.IntVar(&d.RequireTimestamps, "require-timestamps", 0,
		"demand that `N` distinct timestamp authorities of the trusted root stamped one signature")
	fs.BoolVar(&d.RequireAll, "require-all", false, "demand that every signature found is good")
	fs.BoolVar(&d.RequireChildren, "require-child-signatures", false,
		"demand that each platform of an index has a good signature of its own")
	fs.BoolVar(&j.opt.Strict, "strict", false, "treat warnings as failures")
}

func (j *judging) declareWaivers(c *cobra.Command) {
	fs := c.Flags()
	fs.StringArrayVar(&j.accept, "accept-reference", nil,
		"waiver: the image known as REPO may be signed for SIGNED_REPO, as `REPO=SIGNED_REPO` (repeatable)")
	fs.BoolVar(&j.opt.IgnoreTlog, "insecure-ignore-tlog", false,
		"waiver: accept signatures without a log entry; one that is present and wrong still fails")
	j.accepted.declare(c)
	fs.StringVar(&j.at, "at", "", "waiver: judge as of `TIME`, for a host with a wrong clock")
}

// options turns the flags into what verify takes. loadKey reads one --key.
func (j *judging) options(loadKey func(arg string, o *verify.Options) error) (verify.Options, error) {
	now := clock().UTC().Truncate(time.Second)
	o := j.opt
	o.At, o.HostTime = now, now
	o.Tool, o.Command = toolVersion(), shownCommand(os.Args)
	o.Advise = advise
	for _, parse := range []func(*verify.Options) error{
		func(o *verify.Options) error { return j.anchors.parse(o, loadKey) },
		j.parseAttestations, j.accepted.parse, j.parseDemands, j.parseTimes,
	} {
		if err := parse(&o); err != nil {
			return o, err
		}
	}
	return o, j.limits.parse()
}

// parseDemands reads what the bundle must hold and its signatures must meet.
func (j *judging) parseDemands(o *verify.Options) error {
	if o.RequireLogs < 1 || o.Signers < 1 || o.RequireTimestamps < 0 {
		return usagef("--require-logs and --require-signers want 1 or more, --require-timestamps 0 or more")
	}
	pinned := len(o.Keys) + len(o.Fingerprints) + len(o.Identities)
	if o.Policy == nil && pinned > 0 && o.Signers > pinned {
		return usagef("--require-signers %d: the flags pin only %d of them; pass a --key for each", o.Signers, pinned)
	}
	if o.RequireTimestamps > 0 && !stampers(o) {
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

// attestationTypes are cosign's names for the most common predicate types.
var attestationTypes = []string{"slsaprovenance", "slsaprovenance1", "spdxjson", "cyclonedx", "vuln"}

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
		uri, err := predicate("--require-attestation", name)
		if err != nil {
			return err
		}
		o.Attestations = append(o.Attestations,
			verify.RequiredAttestation{Name: name, PredicateType: uri, Count: count})
	}
	return nil
}

// predicate returns the predicate type that a flag names.
func predicate(flag, name string) (string, error) {
	uri, ok := evidence.PredicateURI(name)
	if !ok {
		return "", usagef("%s %q: want a URI or one of %s", flag, name, strings.Join(attestationTypes, ", "))
	}
	return uri, nil
}

// limits is the flag --limit of each command that reads a whole bundle.
type limits struct {
	given  []string
	budget oci.Limits // what parse has read; zero fields are the defaults
}

func (l *limits) declare(c *cobra.Command) {
	sizes, numbers := limitNames()
	c.Flags().StringArrayVar(&l.given, "limit", nil, "raise or lower a budget, as `NAME=VALUE`, such as "+
		"metadata=128MiB or images=20000 (repeatable). Sizes: "+strings.Join(sizes, ", ")+
		"; numbers: "+strings.Join(numbers, ", "))
	completes(c, "limit", assigned(nil, slices.Concat(sizes, numbers)...))
}

// limitNames lists the budgets, those in bytes and the others.
func limitNames() (sizes, numbers []string) {
	l := oci.DefaultLimits()
	for _, b := range l.Budgets() {
		if b.Bytes {
			sizes = append(sizes, b.Name)
		} else {
			numbers = append(numbers, b.Name)
		}
	}
	return sizes, numbers
}

func (l *limits) parse() error {
	for _, s := range l.given {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--limit %q: want NAME=VALUE", s)
		}
		if err := l.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (l *limits) set(name, value string) error {
	for _, b := range l.budget.Budgets() {
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
	sizes, numbers := limitNames()
	return usagef("--limit %q: no such budget; there are %s", name, strings.Join(slices.Concat(sizes, numbers), ", "))
}
