package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// payload is what cosign's first generation signs: the simple signing format of
// containers/image.
type payload struct {
	Critical struct {
		Identity struct {
			DockerReference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]jsontext.Value `json:"optional"`
}

const payloadType = "cosign container image signature"

// claim is what a signature says besides the digest of its image.
type claim struct {
	reference   *string // docker-reference; nil where the form has none
	annotations map[string]jsontext.Value
}

// claims reads what was signed, in any form. It returns nil if the claims cannot be
// judged.
func (j *judgement) claims() *claim {
	switch {
	case j.sig.Statement != nil:
		return j.statementClaims()
	case j.sig.Form == check.FormSimpleSigning:
		return j.payloadClaims()
	case j.sig.Envelope != nil:
		return nil // the statement cannot be read, which package evidence reports
	}
	j.passOnce(check.SignatureClaims) // the image's own manifest was signed
	return &claim{}
}

// statementClaims returns the annotations of the statement's subjects that are the
// image. Package evidence reports a statement about anything else.
func (j *judgement) statementClaims() *claim {
	c := &claim{annotations: map[string]jsontext.Value{}}
	for _, subject := range j.sig.Statement.About(j.sig.Subject) {
		maps.Copy(c.annotations, subject.Annotations)
	}
	j.passOnce(check.SignatureClaims)
	return c
}

// payloadClaims checks that a simple signing payload is about the image for which
// it is stored.
func (j *judgement) payloadClaims() *claim {
	if most := j.s.limits.Payload; int64(len(j.sig.Payload)) > most {
		j.fault(check.Fault{ID: check.LimitPayload, Detail: "the signed payload is too large",
			Expected: fmt.Sprintf("at most %d bytes", most), Found: fmt.Sprintf("%d bytes", len(j.sig.Payload))})
		return nil
	}
	var p payload
	if err := strict.Unmarshal(j.sig.Payload, &p); err != nil {
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the signed payload: " + err.Error()})
		return nil
	}
	critical := &p.Critical
	ok := true
	if accepted := slices.Concat([]string{payloadType}, j.d.PayloadTypes); !slices.Contains(accepted, critical.Type) {
		ok = false
		j.fault(check.Fault{ID: check.SignatureClaims, Cause: check.CausePayloadType,
			Detail: "critical.type of the payload", Expected: strings.Join(accepted, " or "),
			Found: check.Clip(critical.Type)})
	}
	if critical.Image.Digest != string(j.sig.Subject) {
		ok = false
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the signature is about another image",
			Expected: string(j.sig.Subject), Found: check.Clip(critical.Image.Digest)})
	}
	if ok {
		j.pass(check.SignatureClaims, "")
	}
	return &claim{reference: &critical.Identity.DockerReference, annotations: p.Optional}
}

// subject checks the subject of evidence that is judged without a bundle: that it
// is a digest and, for a signature of a message, that it is the digest of the
// message. In a bundle, the checks of blobs do that.
func (j *judgement) subject() {
	_, err := oci.ParseDigest(string(j.sig.Subject))
	ofMessage := j.sig.Envelope == nil && j.sig.Form != check.FormSimpleSigning
	switch {
	case err != nil:
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the subject: " + err.Error()})
	case j.sig.Message == nil && !j.rec.any(check.Fail):
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the message that was signed is missing",
			Expected: string(j.sig.Subject), Found: "nothing"})
	case j.sig.Message != nil && ofMessage && oci.FromBytes(j.sig.Message) != j.sig.Subject:
		j.fault(check.Fault{ID: check.BlobDigest, Detail: "the message is not the subject",
			Expected: string(j.sig.Subject), Found: string(oci.FromBytes(j.sig.Message))})
	}
}

// meetDemands asks what the operator demands of one signature.
func (j *judgement) meetDemands(c *claim) {
	if c.reference != nil {
		j.reference(*c.reference)
	}
	j.annotations(c)
	j.age()
}

// reference checks that the payload names the repository by which the image is
// known, and its tag if the payload names one.
func (j *judgement) reference(claimed string) {
	signed, err := oci.ParseReference(claimed)
	bare, _, _ := strings.Cut(claimed, "@")
	tagged := oci.HasTag(bare)
	if !tagged {
		signed.Tag = "" // not the default of a reference
	}
	f := check.Fault{ID: check.SignatureReference, Expected: j.ref.Name(), Found: check.Clip(claimed),
		Detail: "the signature was made for another repository"}
	switch {
	case err != nil:
		f.Detail = "the signature names no repository that can be read"
	case signed.Digest != "" && signed.Digest != j.sig.Subject:
		f.Detail = "the signature names the image by another digest"
	case j.signedAs(signed):
		j.pass(check.SignatureReference, "signed for "+signed.Name()+", which is accepted")
		return
	case tagged && j.ref.Tag != "" && signed.Tag != j.ref.Tag:
		if signed.Repository == j.ref.Repository {
			f.Cause = check.CauseTag
			f.Detail = "the signature is about this very image, under another tag of the repository"
		}
	case signed.Repository == j.ref.Repository:
		j.named = true
		j.pass(check.SignatureReference, "")
		return
	case slices.Contains(j.s.opt.AcceptReference, AcceptReference{j.ref.Repository, signed.Repository}):
		j.pass(check.SignatureReference, "waived: signed for "+signed.Repository)
		return
	}
	if len(j.s.opt.AcceptReference) > 0 && f.Cause == "" {
		f.ID = check.PolicyAccept
		f.Detail = "the signature was made for a repository that is not accepted for this image"
	}
	j.fault(f)
}

// signedAs reports whether the demands accept that the image was signed under a
// name. A pattern with a tag wants the name to have it.
func (j *judgement) signedAs(signed oci.Reference) bool {
	return slices.ContainsFunc(j.d.SignedAs, func(pattern string) bool {
		return newMatcher(pattern).matches(signed)
	})
}

// annotations checks that the signature carries what every source of demands asks
// for.
func (j *judgement) annotations(c *claim) {
	asked, ok := false, true
	for _, from := range j.d.each {
		for _, name := range slices.Sorted(maps.Keys(from.Annotations)) {
			asked = true
			want := from.Annotations[name]
			if got, found := annotation(c, name); !found || got != want {
				ok = false
				j.fault(check.Fault{ID: check.PolicyAnnotations, Detail: fmt.Sprintf("annotation %q", check.Clip(name)),
					Expected: want, Found: check.Clip(got)})
			}
		}
	}
	if asked && ok {
		j.pass(check.PolicyAnnotations, "")
	}
}

// annotation returns the value of an annotation that is a string. If there is no
// such annotation, found is false and value says why. A number is not a string, as
// in cosign.
func annotation(c *claim, name string) (value string, found bool) {
	raw, found := c.annotations[name]
	if !found {
		return "no such annotation", false
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "no string: " + string(raw), false
	}
	return string(text), true
}

// age compares the trusted time with what was demanded of it.
func (j *judgement) age() {
	d := j.d
	if d.MaxAge == 0 && d.NotBefore.IsZero() && d.NotAfter.IsZero() {
		return
	}
	t := j.info.TrustedTime
	if t == nil {
		j.fault(check.Fault{ID: check.PolicyAge, Detail: "an age was demanded, and the signature has no trusted time",
			Expected: "a time that a trusted log signed", Found: "none"})
		return
	}
	oldest := d.NotBefore
	if since := j.s.rep.VerifiedAt.Add(-d.MaxAge); d.MaxAge != 0 && since.After(oldest) {
		oldest = since
	}
	f := check.Fault{ID: check.PolicyAge, Found: t.Format(time.RFC3339)}
	switch {
	case t.Before(oldest):
		f.Detail = "its trusted time is earlier than was demanded"
		f.Expected = "not before " + oldest.Format(time.RFC3339)
		j.fault(f)
	case !d.NotAfter.IsZero() && t.After(d.NotAfter):
		f.Detail = "its trusted time is later than was demanded"
		f.Expected = "not after " + d.NotAfter.Format(time.RFC3339)
		j.fault(f)
	case j.leaf == nil:
		j.pass(check.PolicyAge, "under a plain key this is a time by which the signature existed, not when it was made")
	default:
		j.pass(check.PolicyAge, "") // the certificate was valid for minutes, at that time
	}
}
