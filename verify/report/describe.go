package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// The words that several formats share.

// bundleName returns the name of the bundle file, for a person to read.
func bundleName(r *verify.Report) string {
	if r.Bundle.Path == "-" || r.Bundle.Path == "" {
		return "standard input"
	}
	return term.Shown(r.Bundle.Path)
}

// imageVerdict returns the verdict that a person reads of an image. Nothing of a
// rejected bundle may be used, so none of its images is called verified; why then
// says that the image itself is not the reason.
func imageVerdict(img *verify.Image, r *verify.Report) (v check.Verdict, why string) {
	if r.Verdict != check.Verified && img.Verdict == check.Verified {
		return check.Rejected, "nothing is wrong with this image itself; the bundle is refused as a whole"
	}
	return img.Verdict, ""
}

// boundBy says what binds the name of an image to its digest.
func boundBy(img *verify.Image, r *verify.Report) string {
	verified := r.Verdict == check.Verified
	switch {
	case img.BoundBy == check.BoundByDigest:
		return "(bound by the digest you gave)"
	case img.BoundBy == check.BoundByPolicy:
		return "(bound by a digest that the policy pins)"
	case img.BoundBy == check.BoundByLock:
		return "(bound by the lock)"
	case img.BoundBy == check.BoundBySeal && verified:
		return "(bound by the sender's seal)"
	case img.BoundBy == check.BoundByName && verified:
		return "(the signature names the repository; nothing binds the tag)"
	}
	return "(claimed; nothing binds it)"
}

// vouchedBy says what vouches for an image of a verified bundle, and by whom it is
// signed; empty if nothing does.
func vouchedBy(img *verify.Image) string {
	by := signerNames(img.Vouching())
	kind := predicateName(string(img.VouchedType))
	switch img.VouchedBy {
	case check.VouchedBySignature:
		return "signed by " + by
	case check.VouchedByAttestation:
		return "attested by " + by + " (" + kind + "), not signed as an image"
	case check.VouchedByPlatformAttestation:
		return "attested by " + by + " (" + kind + ") for each platform; the index itself is not signed"
	case check.VouchedBySender:
		return "by its publisher; vouched for by the sender"
	}
	return ""
}

// signerNames names who made the first of some signatures, and how many others
// made one.
func signerNames(list []*verify.Signature) string {
	var names []string
	for _, s := range list {
		name := string(s.Identity)
		if name == "" {
			name = "key " + term.Short(string(s.Key))
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return "no one who counts"
	case 1:
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}

// predicateName names well-known types of attestations in a word.
func predicateName(predicateType string) string {
	for prefix, name := range map[string]string{
		"https://slsa.dev/provenance/":                  "provenance",
		"https://spdx.dev/Document":                     "SBOM",
		"https://cyclonedx.org/bom":                     "SBOM",
		"https://cosign.sigstore.dev/attestation/vuln/": "vulnerabilities",
	} {
		if strings.HasPrefix(predicateType, prefix) {
			return name
		}
	}
	return predicateType
}

// keyName says how a key came to be trusted, empty if it is not an anchor.
func keyName(r *verify.Report, fingerprint string) string {
	for _, a := range r.Anchors {
		if a.Kind == "key" && string(a.Fingerprint) == fingerprint {
			if a.Path != "" {
				return fmt.Sprintf("%s, pinned by %s", a.Name, a.Path)
			}
			return "pinned by its fingerprint"
		}
	}
	return ""
}

// logName returns the name of a log, or its id if it has none.
func logName(r *verify.Report, id string) string {
	for _, a := range r.Anchors {
		if a.Kind == "log" && string(a.Fingerprint) == "sha256:"+id && a.Name != "" {
			return string(a.Name)
		}
	}
	return id
}

// entryAge gives the day of the newest entry of a trusted root, and how long
// before the verdict that was.
func entryAge(r *verify.Report, a *verify.Anchor) string {
	days := int(r.VerifiedAt.Sub(*a.Newest).Hours() / 24)
	return a.Newest.UTC().Format(time.DateOnly) + ", " + term.Count(days, "day", "days") + " before"
}

// unjudged says how much content was carried and hashed without being judged. It
// is empty if there was none.
func unjudged(r *verify.Report, before string, bytes func(int64) string) string {
	if r.Totals.UnjudgedBytes == 0 {
		return ""
	}
	return before + bytes(r.Totals.UnjudgedBytes) + " of it was carried without being judged"
}

// subject names a blob by its digest instead of its path, which is too long for
// a line.
func subject(s string) string {
	if hex, ok := strings.CutPrefix(s, blobFolder); ok {
		return "sha256:" + hex
	}
	return s
}

// valueLines returns the lines of what a check expected or found. Only the keys
// of trust.key have several: gapseal itself encoded them.
func valueLines(c *verify.Check, v verify.Text) []string {
	if c.ID != check.TrustKey {
		return []string{term.Shown(string(v))}
	}
	return shownAll(strings.Split(strings.TrimSpace(string(v)), "\n"))
}

// warnings groups the warnings that say the same, in the order of the first of
// each group. Waivers are not among them: they are shown by themselves.
func warnings(r *verify.Report) (groups [][]*verify.Check) {
	place := map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Warn || c.ID == check.PolicyWaiver {
			continue
		}
		head := string(c.ID) + "\x00" + warning(c)
		at, ok := place[head]
		if !ok {
			at = len(groups)
			place[head] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	return groups
}

// warning returns what a warning says of all its subjects alike.
func warning(c *verify.Check) string {
	if c.ID == check.PolicyNotJudged {
		return "evidence was carried that is not judged; its digests were checked, and it proves nothing here"
	}
	return c.Detail
}

func shownAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = term.Shown(s)
	}
	return out
}

// given puts words before a text, unless the text is empty.
func given(words, s string) string {
	if s == "" {
		return ""
	}
	return words + s
}

// blobFolder is the folder of the blobs in a bundle.
const blobFolder = "blobs/sha256/"

// hexDigest returns the 64 digits of a SHA-256 digest. ok is false for any other
// text.
func hexDigest(s string) (hex string, ok bool) {
	hex, ok = strings.CutPrefix(s, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return hex, true
}
