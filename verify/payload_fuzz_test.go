package verify

import (
	"encoding/json"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// FuzzPayload reads any payload. In one that passes, a lenient reader finds the same
// image, type, repository and annotations.
func FuzzPayload(f *testing.F) {
	subject := oci.FromBytes([]byte("subject"))
	good := `{"critical":{"identity":{"docker-reference":"registry.example.com/acme/app"},"image":{"docker-manifest-digest":"` + string(subject) +
		`"},"type":"cosign container image signature"},"optional":{"repo":"acme"}}`
	for _, s := range []string{good, good[:len(good)-2], good + "{}", `{"critical":null}`, `{"optional":{"repo":"\u0061cme"}}`, "", "\xff"} {
		f.Add([]byte(s))
	}
	s := newSession(Options{Demands: Demands{Annotations: map[string]string{"repo": "acme"}}})
	ref := oci.Reference{Repository: "registry.example.com/acme/app", Tag: "v1"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		j := &judgement{s: s, ref: ref, d: s.demandsOn(ref), sig: evidence.Evidence{Form: check.FormSimpleSigning, Subject: subject, Payload: raw, Message: raw}}
		p := j.claims()
		if p == nil {
			if !j.rec.any(check.Fail) {
				t.Fatal("unreadable, and nothing failed")
			}
			return
		}
		j.reference(*p.reference)
		j.annotations(p)
		if _, err := json.Marshal(RawJSON(raw)); err != nil {
			t.Fatalf("a report cannot hold it: %v", err)
		}
		var lenient struct {
			Critical struct {
				Identity map[string]any
				Image    map[string]any
				Type     string
			}
			Optional map[string]any
		}
		if err := json.Unmarshal(raw, &lenient); err != nil {
			return // a lenient reader refuses it
		}
		if j.rec.has(check.SignatureClaims, check.Pass) && (lenient.Critical.Image["docker-manifest-digest"] != string(subject) || lenient.Critical.Type != payloadType) {
			t.Fatalf("claims pass, another reader sees %+v", lenient)
		}
		if j.rec.has(check.PolicyAnnotations, check.Pass) && lenient.Optional["repo"] != "acme" {
			t.Fatalf("annotations pass, another reader sees %+v", lenient)
		}
		if _, ok := lenient.Critical.Identity["docker-reference"].(string); j.rec.has(check.SignatureReference, check.Pass) && !ok {
			t.Fatalf("the reference passes, another reader sees %+v", lenient)
		}
	})
}
