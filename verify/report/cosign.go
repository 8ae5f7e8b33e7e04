package report

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// Cosign writes the JSON array that cosign verify prints, with one claim for each
// signature that counts. Attestations, which cosign lists among the signatures of
// an image, are left out. The array is empty if the bundle was rejected, or if it was to be
// loaded and not all of it was.
func Cosign(w io.Writer, r *verify.Report) error {
	list := []claim{}
	if r.Verdict == check.Verified && (r.Loaded == nil || r.Loaded.Complete) {
		for _, img := range r.Images {
			for _, sig := range img.Signatures {
				if c, ok := cosignClaim(&img, &sig); ok {
					list = append(list, c)
				}
			}
		}
	}
	return encode(w, list, "")
}

type claim struct {
	Critical json.RawMessage            `json:"critical"`
	Optional map[string]json.RawMessage `json:"optional"`
}

// cosignClaim returns what cosign prints of a signature. ok is false for one that
// does not count and for one whose payload is the manifest of the image, of which
// cosign prints nothing.
func cosignClaim(img *verify.Image, sig *verify.Signature) (c claim, ok bool) {
	if !sig.Counts {
		return claim{}, false
	}
	if strings.HasPrefix(string(sig.Form), "sigstore-bundle") {
		return statementClaim(img, sig)
	}
	if json.Unmarshal(sig.Payload, &c) != nil {
		return claim{}, false
	}
	if sig.Identity != "" {
		c.set("Subject", string(sig.Identity))
		c.set("Issuer", string(sig.Issuer))
		c.set(issuerExtension, string(sig.Issuer))
	}
	if rekor := sig.RekorBundle(); len(rekor) > 0 {
		c.set("Bundle", json.RawMessage(rekor))
	}
	return c, true
}

// issuerExtension is the number of the certificate extension that names the
// issuer. Cosign prints the issuer under this number as well.
const issuerExtension = "1.3.6.1.4.1.57264.1.1"

func (c *claim) set(name string, value any) {
	if c.Optional == nil {
		c.Optional = map[string]json.RawMessage{}
	}
	if raw, err := json.Marshal(value); err == nil { // neither texts nor JSON documents make an error
		c.Optional[name] = raw
	}
}

// statementClaim converts a signed statement to the form of simple signing, as
// cosign 3 does: the reference is the one that was asked for, the type is that of
// the predicate, and the annotations become optional values.
func statementClaim(img *verify.Image, sig *verify.Signature) (c claim, ok bool) {
	var s struct {
		PredicateType string
		Subject       []struct {
			Digest      map[string]string
			Annotations map[string]json.RawMessage
		}
	}
	if json.Unmarshal(sig.Payload, &s) != nil {
		return claim{}, false
	}
	c.Optional = map[string]json.RawMessage{}
	for _, about := range s.Subject {
		if "sha256:"+about.Digest["sha256"] == sig.Subject && about.Annotations != nil {
			c.Optional = about.Annotations
		}
	}
	critical, err := json.Marshal(map[string]any{
		"identity": map[string]string{"docker-reference": img.ClaimedReference},
		"image":    map[string]string{"docker-manifest-digest": sig.Subject},
		"type":     s.PredicateType,
	})
	c.Critical = critical
	return c, err == nil
}
