package report

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

func (t *text) image(img *verify.Image) {
	verdict, why := imageVerdict(img, t.r)
	heading := "Rejected"
	if verdict == check.Verified {
		heading = "Verified"
	}
	t.row(heading, img.Digest)
	t.row("name", img.ClaimedReference, t.bound(img))
	if why != "" {
		t.row("", "("+why+")")
	}
	t.row("platform", strings.Join(img.Platforms, ", "))
	for i := range img.Signatures {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more signatures; --output json lists them all", len(img.Signatures)-i))
			break
		}
		t.signature(img, &img.Signatures[i])
	}
	for i := range img.Attestations {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more attestations; --output json lists them all", len(img.Attestations)-i))
			break
		}
		t.attestation(img, &img.Attestations[i])
	}
	t.carried(img)
	t.line("")
}

func (t *text) bound(img *verify.Image) string {
	switch {
	case img.BoundBy == check.BoundByDigest:
		return "(bound by the digest you gave)"
	case img.BoundBy == check.BoundByPolicy:
		return "(bound by a digest that the policy pins)"
	case img.BoundBy == check.BoundBySeal && t.r.Verdict == check.Verified:
		return "(bound by the sender's seal)"
	case img.BoundBy == check.BoundByName && t.r.Verdict == check.Verified:
		return "(the signature names the repository; nothing signs the tag)"
	}
	return "(claimed; nothing binds it)"
}

// carried names evidence that proves nothing yet.
func (t *text) carried(img *verify.Image) {
	n := 0
	for _, ev := range img.Evidence {
		if ev.Judged {
			continue
		}
		if n++; n <= maxAlike {
			t.row("carried", ev.Kind+" "+term.Short(ev.Digest)+", not judged")
		}
	}
	if n > maxAlike {
		t.row("", fmt.Sprintf("and %d more, not judged", n-maxAlike))
	}
}

// imageVerdict is what a person is told of an image: nothing of a bundle that is
// rejected may be used, so that no image of it is called verified. For one that
// has nothing wrong itself, why says that.
func imageVerdict(img *verify.Image, r *verify.Report) (v check.Verdict, why string) {
	if r.Verdict != check.Verified && img.Verdict == check.Verified {
		return check.Rejected, "nothing is wrong with this image itself; the bundle is refused as a whole"
	}
	return img.Verdict, ""
}
