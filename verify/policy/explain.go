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
)

// Explain writes what the policy demands as sentences, one on a line, two spaces
// in for what belongs to a rule. The text is not escaped for a terminal.
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

func (e *explainer) whole(p *Policy) {
	if p.JudgeUnlisted {
		e.say("An image that no rule below matches is judged by the flags alone.")
	} else {
		e.say("A bundle with an image that no rule below matches is refused.")
	}
	if p.MaxImages > 0 {
		e.say("A bundle of more than %d images is refused.", p.MaxImages)
	}
	if p.MaxBytes > 0 {
		e.say("A bundle of more than %s is refused.", size(p.MaxBytes))
	}
	var sealers []string
	for _, k := range p.SealKeys {
		sealers = append(sealers, fmt.Sprintf("%s (%s)", k.Fingerprint(), k.Path))
	}
	if len(sealers) > 0 {
		e.say("The bundle must be sealed by a seal key: %s.", strings.Join(sealers, " or "))
	}
	if p.RefuseRollback {
		e.say("What is older than the register knows is refused.")
	} else {
		e.say("What is older than the register knows is warned of.")
	}
	if len(p.Transfer) > 0 {
		e.say("The transfer record must have: %s.", strings.Join(p.Transfer, ", "))
	}
}

func (e *explainer) rule(r *verify.Rule) {
	e.say("")
	if r.Required {
		e.say("An image that matches %s must be in the bundle. For each such image:", r.Pattern)
	} else {
		e.say("For each image that matches %s, if there is one:", r.Pattern)
	}
	e.anchors(r)
	if r.Signers > 1 {
		e.say("  %d of them must have signed.", r.Signers)
	}
	if r.RequireLogs > 1 {
		e.say("  %d distinct transparency logs must speak for one signature.", r.RequireLogs)
	}
	if r.RequireTimestamps > 0 {
		e.say("  %d distinct timestamp authorities must have stamped one signature.", r.RequireTimestamps)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Annotations)) {
		e.say("  What was signed must carry %s=%s.", name, r.Annotations[name])
	}
	for _, a := range r.Attestations {
		e.say("  At least %d attestation(s) of type %s must verify.", a.Count, a.PredicateType)
	}
	e.platforms("  It must carry %s.", r.Platforms)
	e.platforms("  It must carry no platform but %s.", r.OnlyPlatforms)
	var digests []string
	for _, d := range r.Digests {
		digests = append(digests, string(d))
	}
	if len(digests) > 0 {
		e.say("  Its digest must be %s.", strings.Join(digests, " or "))
	}
	e.times(r)
	for _, f := range []struct {
		set  bool
		says string
	}{
		{r.RequireInclusion, "Each log entry must have an inclusion proof."},
		{r.RequireChildren, "Each platform must have a good signature of its own."},
		{r.RequireAll, "Every signature found must be good."},
	} {
		if f.set {
			e.say("  %s", f.says)
		}
	}
}

func (e *explainer) anchors(r *verify.Rule) {
	if len(r.Keys)+len(r.Fingerprints)+len(r.Identities) == 0 {
		e.say("  Whoever the flags name (--key, --certificate-identity) must have signed it.")
		return
	}
	e.say("  One of these must have signed it:")
	for _, k := range r.Keys {
		e.say("    the key %s (%s)", k.Fingerprint(), k.Describe())
	}
	for _, f := range r.Fingerprints {
		e.say("    the key %s, which the bundle must bring", f)
	}
	for _, i := range r.Identities {
		e.say("    the identity %s", i)
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
		e.say("  It must have been signed within the last %s.", age(r.MaxAge))
	}
	if !r.NotBefore.IsZero() {
		e.say("  It must have been signed at %s or later.", r.NotBefore.Format(time.RFC3339))
	}
	if !r.NotAfter.IsZero() {
		e.say("  It must have been signed at %s or earlier.", r.NotAfter.Format(time.RFC3339))
	}
}

// age writes a duration in days where it is one of days.
func age(d time.Duration) string {
	if day := 24 * time.Hour; d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// size writes a number of bytes in the largest unit that loses nothing.
func size(n int64) string {
	unit := 0
	for names := 4; unit < names && n%1024 == 0; unit++ {
		n /= 1024
	}
	return fmt.Sprintf("%d %s", n, []string{"bytes", "KiB", "MiB", "GiB", "TiB"}[unit])
}
