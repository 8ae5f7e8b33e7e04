package verify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// layerTwice stores the first layer of a manifest a second time, and lists it in the
// config.
func layerTwice(t *testing.T, f *fixture.Forge, d oci.Digest) {
	t.Helper()
	var m struct {
		Config oci.Descriptor
		Layers []json.RawMessage
	}
	var layer oci.Descriptor
	if err := json.Unmarshal(f.Blobs[d], &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Layers[0], &layer); err != nil {
		t.Fatal(err)
	}
	twice := func(text string) func(string) string {
		return func(s string) string { return strings.Replace(s, text, text+","+text, 1) }
	}
	f.Edit(d, twice(string(m.Layers[0])))
	f.Edit(m.Config.Digest, twice(`"`+string(layer.Digest)+`"`))
}

// TestHostileAttestationTwice: one attestation that is stored twice counts once.
func TestHostileAttestationTwice(t *testing.T) {
	f := fixture.Open(fixture.Bundle(t, "app:v1"))
	rep := fixture.Verify(t, f.Build(), fixture.Options())
	predicate := ""
	for _, a := range rep.Images[0].Attestations {
		if a.Counts {
			predicate = string(a.PredicateType)
		}
	}
	layerTwice(t, f, attested(t, f).Digest)
	opt := fixture.Options()
	opt.Attestations = []verify.RequiredAttestation{{Name: "two", PredicateType: predicate, Count: 2}}
	rep = fixture.Verify(t, f.Build(), opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != "policy.attestation" {
		t.Errorf("failed [%s], want [policy.attestation]\n%s %d atts, warned %v", got, details(rep), len(rep.Images[0].Attestations), fixture.Warned(rep))
	}
}
