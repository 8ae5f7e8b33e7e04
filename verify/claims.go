package verify

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// payload is what cosign's first generation signs.
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

// claim is what a signature says beside the image it is about.
type claim struct {
	reference   *string // docker-reference; nil where the form has none
	annotations map[string]jsontext.Value
}

// claims reads what was signed, in whatever form. It returns nil if that says
// nothing that could be judged.
func (j *judgement) claims() *claim {
	switch {
	case j.sig.Statement != nil:
		return j.statementClaims()
	case j.sig.Form == check.FormSimpleSigning:
		return j.payloadClaims()
	case j.sig.Envelope != nil:
		return nil // a statement that cannot be read: told as such
	}
	j.passOnce(check.SignatureClaims) // the image's own manifest was signed
	return &claim{}
}

// statementClaims takes over what reading the statement found: without a
// problem it is about the image it is stored for.
func (j *judgement) statementClaims() *claim {
	c := &claim{annotations: map[string]jsontext.Value{}}
	for _, subject := range j.sig.Statement.About(j.sig.Subject) {
		maps.Copy(c.annotations, subject.Annotations)
	}
	j.passOnce(check.SignatureClaims)
	return c
}

// payloadClaims checks that the payload is a claim about the image it is stored
// for.
func (j *judgement) payloadClaims() *claim {
	if max := j.s.limits.Payload; int64(len(j.sig.Payload)) > max {
		j.fault(check.Fault{ID: check.LimitPayload, Detail: "the signed payload", Expected: fmt.Sprintf("at most %d bytes", max), Found: fmt.Sprintf("%d bytes", len(j.sig.Payload))})
		return nil
	}
	var p payload
	if err := strict.Unmarshal(j.sig.Payload, &p); err != nil {
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the signed payload: " + err.Error()})
		return nil
	}
	ok := true
	if p.Critical.Type != payloadType {
		ok = false
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "critical.type of the payload", Expected: payloadType, Found: clip(p.Critical.Type)})
	}
	if p.Critical.Image.Digest != string(j.sig.Subject) {
		ok = false
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the signature is about another image", Expected: string(j.sig.Subject), Found: clip(p.Critical.Image.Digest)})
	}
	if ok {
		j.pass(check.SignatureClaims, "")
	}
	return &claim{reference: &p.Critical.Identity.DockerReference, annotations: p.Optional}
}

// reference checks that the payload names the repository the image is known by,
// and its tag if it names one.
func (j *judgement) reference(claimed string) {
	signed, err := oci.ParseReference(claimed)
	bare, _, _ := strings.Cut(claimed, "@")
	tag := oci.HasTag(bare)
	switch {
	case err != nil:
	case tag && j.ref.Tag != "" && signed.Tag != j.ref.Tag:
	case signed.Digest != "" && signed.Digest != j.sig.Subject:
	case signed.Repository == j.ref.Repository:
		j.named = true
		j.pass(check.SignatureReference, "")
		return
	case j.accepted(signed.Repository):
		j.pass(check.SignatureReference, "waived: signed for "+signed.Repository)
		return
	}
	f := check.Fault{ID: check.SignatureReference, Detail: "the signature was made for another repository or tag", Expected: j.ref.Name(), Found: clip(claimed)}
	if len(j.s.opt.AcceptReference) > 0 {
		f.ID, f.Detail = check.PolicyAccept, "the signature was made for a repository that is not accepted for this image"
	}
	j.fault(f)
}

func (j *judgement) accepted(signed string) bool {
	for _, a := range j.s.opt.AcceptReference {
		if a.Image == j.ref.Repository && a.Signed == signed {
			return true
		}
	}
	return false
}

// annotations checks that the payload carries what the operator demanded.
func (j *judgement) annotations(c *claim) {
	asked, ok := false, true
	for _, from := range j.d.each {
		for _, name := range sortedKeys(from.Annotations) {
			asked = true
			want := from.Annotations[name]
			if got, found := annotation(c, name); !found || got != want {
				ok = false
				j.fault(check.Fault{ID: check.PolicyAnnotations, Detail: fmt.Sprintf("annotation %q", clip(name)), Expected: want, Found: clip(got)})
			}
		}
	}
	if asked && ok {
		j.pass(check.PolicyAnnotations, "")
	}
}

// annotation returns a string annotation of the payload; found is false, and
// value says why, if there is none. As for cosign, a number is no string.
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

// age holds the trusted time against what the operator demanded of it.
func (j *judgement) age() {
	d := j.d
	if d.MaxAge == 0 && d.NotBefore.IsZero() && d.NotAfter.IsZero() {
		return
	}
	t := j.info.TrustedTime
	if t == nil {
		j.fault(check.Fault{ID: check.PolicyAge, Detail: "an age was demanded, and the signature has no trusted time", Expected: "a time that a trusted log signed", Found: "none"})
		return
	}
	oldest := d.NotBefore
	if since := j.s.rep.VerifiedAt.Add(-d.MaxAge); d.MaxAge != 0 && since.After(oldest) {
		oldest = since
	}
	ok := true
	if t.Before(oldest) {
		ok = false
		j.fault(check.Fault{ID: check.PolicyAge, Detail: "the signature is older than was demanded", Expected: "not before " + oldest.Format(time.RFC3339), Found: t.Format(time.RFC3339)})
	}
	if !d.NotAfter.IsZero() && t.After(d.NotAfter) {
		ok = false
		j.fault(check.Fault{ID: check.PolicyAge, Detail: "the signature is newer than was demanded", Expected: "not after " + d.NotAfter.Format(time.RFC3339), Found: t.Format(time.RFC3339)})
	}
	if ok {
		j.pass(check.PolicyAge, "")
	}
}
