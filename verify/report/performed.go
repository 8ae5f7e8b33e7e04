package report

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// performed lists what a verdict of verified rests on: for the signatures in the
// words of cosign, then for the bundle.
func (t *text) performed() {
	for range t.counted() {
		t.performedOnSignatures()
		break
	}
	heading := "What vouches for an image without a signature over it:"
	for _, c := range t.r.Checks {
		if c.Status == check.Pass && (c.ID == check.PolicyPlatformAtt || c.ID == check.PolicySender) {
			if heading != "" {
				t.line("%s", heading)
				heading = ""
			}
			t.item(term.Short(string(c.Subject)) + ": " + c.Detail)
		}
	}
	t.performedOnBundle()
	t.line("")
}

func signedAsImage(img verify.Image) bool { return img.VouchedBy == check.VouchedBySignature }

func (t *text) performedOnSignatures() {
	t.line("The following checks were performed on each of these signatures:")
	if slices.ContainsFunc(t.r.Images, signedAsImage) {
		t.item("The cosign claims were validated")
	} else {
		t.item("Each statement is about the image or the platform that it vouches for")
	}
	t.logged()
	t.signers()
	if t.stamped() {
		t.item("A trusted timestamp authority stamped the signature, which existed by then")
	}
	if t.ofVoucher(check.PolicyAnnotations) {
		t.item("The demanded annotations were found")
	}
	t.unasked()
	if t.ofVoucher(check.PolicyAge) {
		t.item("The trusted time, by which the signature existed, is within what was demanded")
	}
	if t.answered(check.PolicyAttestation, check.Pass) {
		t.item("The demanded attestations were found and verified in the same way")
	}
	for _, c := range t.r.Checks {
		if c.ID == check.PolicyChild && c.Status == check.Pass {
			t.item(term.Short(string(c.Subject)) + ": " + c.Detail)
		}
	}
}

// ofVoucher reports whether a check passed for a signature that vouches. It means
// nothing that a signature of another signer passed it.
func (t *text) ofVoucher(id check.ID) bool {
	vouching := map[verify.Text]bool{}
	for s := range t.counted() {
		vouching[verify.Text(s.Digest)] = true
	}
	return slices.ContainsFunc(t.r.Checks, func(c verify.Check) bool {
		return c.ID == id && c.Status == check.Pass && vouching[c.Subject]
	})
}

// unasked names the images for which annotations were demanded that what vouches for
// them cannot have.
func (t *text) unasked() {
	for i := range t.r.Images {
		img := &t.r.Images[i]
		for _, c := range t.r.Checks {
			if c.ID == check.PolicyAnnotations && c.Status == check.Skip && string(c.Subject) == img.Digest {
				t.item("NOT CHECKED: " + term.Short(img.Digest) + ": " + c.Detail)
				break
			}
		}
	}
}

func (t *text) performedOnBundle() {
	t.line("The following checks were performed on the bundle:")
	t.item("Every byte of the container is the one that the format dictates")
	t.item(fmt.Sprintf("Each of %s (%s in total) has its digest and its size",
		term.Count(t.r.Totals.Blobs, "blob", "blobs"), term.Bytes(t.r.Totals.Bytes)))
	t.item("Nothing is missing, and everything there is signed content or evidence listed for it" +
		unjudged(t.r, "; ", term.Bytes))
	if t.r.Seal != nil {
		t.item("It is what its sender sealed: no image and no evidence was added, removed or exchanged")
	}
	if t.answered(check.ConfigDiffID, check.Pass) {
		t.item("Each layer of an image with a config was unpacked and has its diff_id")
	}
}

func (t *text) item(s string) { t.WriteString(term.Fold("  - "+s, 4)) }

// logged claims that all signatures were found in a log, or says how many were
// not.
func (t *text) logged() {
	counted, without := 0, 0
	for s := range t.counted() {
		if counted++; s.Log == nil {
			without++
		}
	}
	if without == 0 {
		t.item("Existence of the claims in the transparency log was verified offline")
		return
	}
	t.item(fmt.Sprintf("NOT CHECKED: the transparency log. It is not required, and %d of %s came without a log entry",
		without, term.Count(counted, "signature", "signatures")))
}

// signers says what the signatures were verified with: a key, or a certificate
// where an identity was demanded. A policy may allow both.
func (t *text) signers() {
	keys, certificates := 0, 0
	for s := range t.counted() {
		if s.Identity != "" {
			certificates++
		} else {
			keys++
		}
	}
	const (
		byKey         = "verified against the specified public key"
		byCertificate = "verified using trusted certificate authority certificates"
	)
	switch {
	case certificates == 0:
		t.item("The signatures were " + byKey)
	case keys == 0:
		t.item("The code-signing certificate was " + byCertificate)
	default:
		t.item(fmt.Sprintf("%s: the signature was %s", term.Count(keys, "signature", "signatures"), byKey))
		t.item(fmt.Sprintf("%s: the code-signing certificate was %s",
			term.Count(certificates, "signature", "signatures"), byCertificate))
	}
}

// stamped reports whether a timestamp authority gave the time of every signature.
func (t *text) stamped() bool {
	n := 0
	for s := range t.counted() {
		if n++; s.TimeSource != "tsa" {
			return false
		}
	}
	return n > 0
}

// counted yields the signatures that vouch for images.
func (t *text) counted() iter.Seq[*verify.Signature] {
	return func(yield func(*verify.Signature) bool) {
		for i := range t.r.Images {
			for _, s := range t.r.Images[i].Vouching() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// demanded are the checks of what an operator can demand, as a report of a
// rejected bundle names those that were met.
var demanded = []check.ID{
	check.PolicySeal, check.PolicyLock, check.PolicyImage, check.PolicyDigest, check.PolicyPlatform,
	check.PolicySigners, check.PolicyTransfer, check.PolicyAnnotations, check.PolicyAge, check.PolicyAttestation,
	check.PolicyPlatformAtt, check.PolicySender,
}

// met names the demands that a rejected bundle met: it was rejected for another
// cause.
func (t *text) met() {
	var list []string
	for _, id := range demanded {
		if t.answered(id, check.Pass) && !t.answered(id, check.Fail) {
			list = append(list, string(id))
		}
	}
	if len(list) > 0 {
		t.row("met", strings.Join(list, ", ")+": demanded and passed, which does not help a rejected bundle")
		t.line("")
	}
}
