package main

import (
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
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
	notes               []string // about the anchors
}

func (j *judging) declare(fs *pflag.FlagSet, keyHelp, platformHelp string) {
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
	fs.StringArrayVar(&j.limits, "limit", nil, limitUsage())
}

// options turns the flags into what verify takes. loadKey reads one --key.
func (j *judging) options(loadKey func(arg string, o *verify.Options) error) (verify.Options, error) {
	o := verify.Options{
		IgnoreTlog: j.ignoreTlog, RequireAll: j.requireAll, RequireChildren: j.requireChildren, RequireLogs: j.requireLogs, RequireTimestamps: j.requireTimestamps, RequireInclusion: j.requireInclusion, Strict: j.strict,
		Limits: oci.DefaultLimits(), Tool: toolVersion(), At: clock().UTC().Truncate(time.Second), Command: shownCommand(os.Args),
	}
	for _, k := range j.keys {
		if err := loadKey(k, &o); err != nil {
			return o, err
		}
	}
	for _, parse := range []func(*verify.Options) error{j.parseLogs, j.identity.parse, j.parsePolicy, j.parseAttestations, j.parseDemands, j.parseTimes, j.parseLimits} {
		if err := parse(&o); err != nil {
			return o, err
		}
	}
	o.HostTime, o.Waivers = clock().UTC().Truncate(time.Second), j.waivers()
	return o, nil
}

func (j *judging) waivers() (list []string) {
	if j.ignoreTlog {
		list = append(list, "--insecure-ignore-tlog")
	}
	for _, a := range j.accept {
		list = append(list, "--accept-reference "+a)
	}
	if j.at != "" {
		list = append(list, "--at "+j.at)
	}
	return list
}

// inputs are the files that the operator named, besides the bundle.
func (j *judging) inputs() []string {
	return slices.Concat(j.keys, j.rekorKeys, []string{j.trustedRoot, j.policy})
}
