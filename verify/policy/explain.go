package policy

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// Explain writes what the policy demands in sentences, one on a line. Lines that
// belong to a rule are indented by two spaces. The text is not escaped for a
// terminal.
func (p *Policy) Explain(w io.Writer) error {
	e := &explainer{}
	e.whole(p)
	for i := range p.Rules {
		e.rule(&p.Rules[i])
	}
	_, err := io.WriteString(w, strings.Join(e.lines, "\n")+"\n")
	return err
}

type explainer struct{ lines []string }

func (e *explainer) say(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

// whole explains what is demanded of the bundle as a whole.
func (e *explainer) whole(p *Policy) {
	if p.JudgeUnlisted {
		e.say("An image that no rule below matches is judged without this policy.")
	} else {
		e.say("A bundle with an image that no rule below matches is refused.")
	}
	if p.MaxImages > 0 {
		e.say("A bundle of more than %d images is refused.", p.MaxImages)
	}
	if p.MaxBytes > 0 {
		e.say("A bundle of more than %s is refused.", size(p.MaxBytes))
	}
	e.seal(p)
	if p.RefuseRollback {
		e.say("Anything older than the register has recorded is refused.")
	} else {
		e.say("Anything older than the register has recorded causes a warning.")
	}
	if p.RefuseBuiltInRoot {
		e.say("The built-in trusted root and logs are refused: others must be given.")
	}
	e.deny(&p.Deny)
	if len(p.Transfer) > 0 {
		e.say("The transfer record must state: %s.", strings.Join(p.Transfer, ", "))
	}
}

func (e *explainer) seal(p *Policy) {
	var keys []string
	for _, k := range p.SealKeys {
		keys = append(keys, fmt.Sprintf("%s (%s)", k.Fingerprint(), k.Path))
	}
	switch len(keys) {
	case 0:
	case 1:
		e.say("The bundle must be sealed with the key %s.", keys[0])
	default:
		e.say("The bundle must be sealed with one of the keys %s.", strings.Join(keys, " or "))
	}
	if p.SealStream != "" {
		e.say("The seal must be of the stream %s.", p.SealStream)
	}
}

func (e *explainer) deny(d *verify.Deny) {
	for _, k := range d.Keys {
		e.say("A signature by the key %s counts for nothing.", k)
	}
	for _, i := range d.Identities {
		e.say("A signature by the identity %s counts for nothing.", i)
	}
	for _, digest := range d.Digests {
		e.say("An image that contains %s is refused.", digest)
	}
}

func (e *explainer) rule(r *verify.Rule) {
	e.say("")
	if r.Required {
		e.say("At least one image that matches %s must be in the bundle. For each such image:", r.Pattern)
	} else {
		e.say("For each image that matches %s:", r.Pattern)
	}
	e.vouch(r)
	e.anchors(r)
	e.counts(r)
	e.loosened(r)
	for _, name := range slices.Sorted(maps.Keys(r.Annotations)) {
		e.say("  %s must have the annotation %s=%s.", whatWasSigned(r), name, r.Annotations[name])
	}
	for _, a := range r.Attestations {
		e.say("  %s of type %s must verify.", atLeast(a.Count, "attestation"), a.PredicateType)
	}
	e.platforms("  It must contain %s.", r.Platforms)
	e.platforms("  It must not contain a platform other than %s.", r.OnlyPlatforms)
	var digests []string
	for _, d := range r.Digests {
		digests = append(digests, string(d))
	}
	if len(digests) > 0 {
		e.say("  Its digest must be %s.", strings.Join(digests, " or "))
	}
	e.times(r)
	if r.RequireInclusion {
		e.say("  Each log entry must have an inclusion proof.")
	}
	if r.RequireChildren {
		e.say("  Each platform must have a good signature of its own.")
	}
	if r.RequireAll {
		e.say("  Every signature found must be good.")
	}
}

// vouch says what suffices, unless only a signature does.
func (e *explainer) vouch(r *verify.Rule) {
	for i, v := range r.Vouch {
		text := map[check.VouchedBy]string{
			check.VouchedBySignature:   "a signature of the image",
			check.VouchedByAttestation: "an attestation about the image of type " + v.PredicateType,
			check.VouchedByPlatformAttestation: "an attestation of type " + v.PredicateType +
				" for each platform, while the index itself is not signed",
			check.VouchedBySender: "the seal of the sender and a pinned digest, while the publisher signed nothing",
		}[v.By]
		if i == 0 {
			e.say("  What vouches for it must be:")
			e.say("    %s", text)
		} else {
			e.say("    or %s", text)
		}
	}
}

// loosened says what the rule accepts that is refused without it.
func (e *explainer) loosened(r *verify.Rule) {
	if r.LogOptional {
		e.say("  A signature may come without an entry in a transparency log.")
	}
	for _, name := range r.SignedAs {
		e.say("  It may have been signed under a name that matches %s.", name)
	}
	for _, t := range r.PayloadTypes {
		e.say("  A signed payload may be of the type %q.", t)
	}
	if r.SignatureRepository != "" {
		e.say("  Export also looks for its evidence in %s.", r.SignatureRepository)
	}
	if r.NamesBound {
		e.say("  Its name must be bound by a digest, a lock or a seal.")
	}
}

// whatWasSigned is the subject of a demand for an annotation.
func whatWasSigned(r *verify.Rule) string {
	if slices.ContainsFunc(r.Vouch, func(v verify.Vouch) bool { return v.By != check.VouchedBySignature }) {
		return "If a signature vouches, what was signed"
	}
	return "What was signed"
}

func (e *explainer) anchors(r *verify.Rule) {
	if len(r.Vouch) == 1 && r.Vouch[0].By == check.VouchedBySender {
		return
	}
	if len(r.Keys)+len(r.Fingerprints)+len(r.Identities) == 0 {
		e.say("  One of the keys or identities that are pinned outside this policy must have signed it.")
		return
	}
	e.say("  One of these must have signed it:")
	for _, k := range r.Keys {
		e.say("    the key %s (%s)", k.Fingerprint(), k.Describe())
	}
	for _, f := range r.Fingerprints {
		e.say("    the key %s, which must come with the bundle", f)
	}
	for _, i := range r.Identities {
		if i.SAN != "" {
			e.say("    the identity %s", i)
		} else {
			e.say("    %s", i)
		}
	}
}

func (e *explainer) counts(r *verify.Rule) {
	if r.Signers > 1 {
		e.say("  At least %d of them must have signed it.", r.Signers)
	}
	if r.RequireLogs > 1 {
		e.say("  %s must have recorded the same signature.", atLeast(r.RequireLogs, "transparency log"))
	}
	if r.RequireTimestamps > 0 {
		e.say("  %s must have stamped the same signature.", atLeast(r.RequireTimestamps, "timestamp authority"))
	}
}

func (e *explainer) platforms(format string, list []oci.Platform) {
	var names []string
	for _, p := range list {
		names = append(names, p.String())
	}
	if len(names) > 0 {
		e.say(format, strings.Join(names, ", "))
	}
}

func (e *explainer) times(r *verify.Rule) {
	if r.MaxAge > 0 {
		e.say("  Its trusted time must be within the last %s.", age(r.MaxAge))
	}
	if (r.MaxAge > 0 || !r.NotBefore.IsZero()) && (len(r.Keys)+len(r.Fingerprints) > 0 || len(r.Identities) == 0) {
		e.say("  Under a key, a trusted time shows that a signature existed by then, not when it was made.")
	}
	if !r.NotBefore.IsZero() {
		e.say("  Its trusted time must be %s or later.", r.NotBefore.Format(time.RFC3339))
	}
	if !r.NotAfter.IsZero() {
		e.say("  Its trusted time must be %s or earlier.", r.NotAfter.Format(time.RFC3339))
	}
}

// atLeast writes a minimum of distinct things in words.
func atLeast(n int, noun string) string {
	if n == 1 {
		return "At least one " + noun
	}
	plural, isY := strings.CutSuffix(noun, "y")
	if isY {
		plural += "ie"
	}
	return fmt.Sprintf("At least %d distinct %ss", n, plural)
}

// age writes a duration in days if it is a whole number of days.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "day"
	case d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// size writes a number of bytes in the largest unit of which it is a whole number.
func size(n int64) string {
	for _, u := range []struct {
		name   string
		factor int64
	}{
		{"TiB", 1 << 40}, {"TB", 1e12},
		{"GiB", 1 << 30}, {"GB", 1e9},
		{"MiB", 1 << 20}, {"MB", 1e6},
		{"KiB", 1 << 10}, {"kB", 1e3},
	} {
		if n%u.factor == 0 {
			return fmt.Sprintf("%d %s", n/u.factor, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
