package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
)

func TestCosignPrintsWhatCounts(t *testing.T) {
	for image, want := range map[string]int{"app:v1": 1, "twokeys:v1": 1, "multi:v1": 1, "bundle:v1": 1, "both:v1": 2, "wrongkey:v1": 0, "unsigned:v1": 0} {
		var b bytes.Buffer
		if err := Cosign(&b, fixture.Verify(t, fixture.Bundle(t, image), fixture.Options())); err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Critical struct {
				Image map[string]string
				Type  string
			}
			Optional map[string]any
		}
		if err := json.Unmarshal(b.Bytes(), &list); err != nil || list == nil {
			t.Fatalf("%s: %v in %s", image, err, b.String())
		}
		if len(list) != want {
			t.Errorf("%s: %d claims, want %d", image, len(list), want)
		}
		for _, c := range list {
			if c.Critical.Image["docker-manifest-digest"] == "" || c.Critical.Type == "cosign container image signature" && c.Optional["Bundle"] == nil || c.Optional["repo"] == nil {
				t.Errorf("%s: %s has no digest, no annotation or no log entry", image, b.String())
			}
		}
	}
}

// This is what cosign 3.1.3 prints for a Sigstore bundle with these contents.
func TestCosignOfASigstoreBundle(t *testing.T) {
	var b bytes.Buffer
	if err := Cosign(&b, fixture.Verify(t, fixture.Bundle(t, "bundle:v1"), fixture.Options())); err != nil {
		t.Fatal(err)
	}
	want := `[{"critical":{"identity":{"docker-reference":"registry.example.com/acme/bundle:v1"},"image":{"docker-manifest-digest":"sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"},"type":"https://sigstore.dev/cosign/sign/v1"},"optional":{"repo":"acme/app","workflow":"Release"}}]` + "\n"
	if b.String() != want {
		t.Errorf("found %s, want %s", b.String(), want)
	}
}

// The claim of a keyless signature names who signed, as cosign does.
func TestCosignOfAnIdentity(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	sig := &rep.Images[0].Signatures[0]
	sig.Identity, sig.Issuer = "dev@example.com", "https://issuer.example"
	var b bytes.Buffer
	if err := Cosign(&b, rep); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Subject":"dev@example.com"`, `"Issuer":"https://issuer.example"`, `"1.3.6.1.4.1.57264.1.1":"https://issuer.example"`, `"Bundle":{`, `"repo":"acme/app"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("want %s in %s", want, b.String())
		}
	}
}
