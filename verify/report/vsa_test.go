package report

import (
	"slices"
	"testing"
	"time"

	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	statement "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gapseal/gapseal/verify"
)

// read decodes a summary into the types of in-toto. Their predicate is that of
// SLSA v1.0, which lacks verifier.version; members that it does not know are
// ignored, as the specification demands.
func read(t *testing.T, rep *verify.Report) (*statement.Statement, *vsa.VerificationSummary) {
	t.Helper()
	raw, err := Summary(rep)
	if err != nil {
		t.Fatal(err)
	}
	var s statement.Statement
	if err := protojson.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.Type != statement.StatementTypeUri || s.PredicateType != typeVSA {
		t.Errorf("types %s and %s", s.Type, s.PredicateType)
	}
	predicate, err := protojson.Marshal(s.Predicate)
	if err != nil {
		t.Fatal(err)
	}
	var p vsa.VerificationSummary
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(predicate, &p); err != nil {
		t.Fatal(err)
	}
	if got := s.Predicate.AsMap()["verifier"].(map[string]any)["version"]; len(got.(map[string]any)) != 1 {
		t.Errorf("verifier.version: %v", got)
	}
	return &s, &p
}

// A summary has every member that the specification requires.
func TestVSA(t *testing.T) {
	for image, want := range map[string][2]string{"app:v1": {"PASSED", levelUnevaluated}, "wrongkey:v1": {"FAILED", levelFailed}} {
		rep := sample(t, image)
		s, p := read(t, rep)
		if p.VerificationResult != want[0] || !slices.Equal(p.VerifiedLevels, want[1:]) {
			t.Errorf("%s: %s %v, want %v", image, p.VerificationResult, p.VerifiedLevels, want)
		}
		if p.GetVerifier().GetId() != verifierID || !p.TimeVerified.AsTime().Equal(rep.Clock.Host) || p.GetPolicy().GetUri() != ownPolicy || p.SlsaVersion != "1.1" || p.DependencyLevels != nil {
			t.Errorf("%s: %v", image, p)
		}
		if p.ResourceUri != niURI(string(rep.Bundle.Identity)) || len(p.ResourceUri) != len("ni:///sha-256;")+43 {
			t.Errorf("%s: resource %s", image, p.ResourceUri)
		}
		if len(s.Subject) != 1 || "sha256:"+s.Subject[0].Digest["sha256"] != rep.Images[0].Digest {
			t.Errorf("%s: subject %v", image, s.Subject)
		}
		for i := range p.InputAttestations {
			if d := "sha256:" + p.InputAttestations[i].Digest["sha256"]; !slices.ContainsFunc(rep.Images[0].Evidence, func(ev verify.Evidence) bool { return ev.Judged && ev.Digest == d }) {
				t.Errorf("%s: %s is not evidence that was judged", image, d)
			}
		}
		if len(p.InputAttestations) == 0 {
			t.Errorf("%s: no evidence is named", image)
		}
	}
}

// A summary of several images lists each. It gives a subject a name only if
// something binds the name.
func TestVSANamesWhatIsBound(t *testing.T) {
	rep := sample(t, "app:v1", "multi:v1")
	rep.Images[0].BoundBy = "policy"
	s, _ := read(t, rep)
	if len(s.Subject) != 2 || s.Subject[0].Name != "registry.example.com/acme/app:v1" || s.Subject[1].Name != "" ||
		s.Subject[1].Annotations.AsMap()["claimedReference"] != "registry.example.com/acme/multi:v1" {
		t.Errorf("subjects %v", s.Subject)
	}
}

// The time is that of the run, not the time judged at. A policy is named by its
// digest. Waivers and the transfer are included.
func TestVSAOfARun(t *testing.T) {
	rep := sample(t, "app:v1")
	rep.Clock = verify.Clock{Source: "--at", Host: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)}
	rep.Waivers, rep.Transfer = []string{"--at 2026-11-24"}, &verify.Transfer{ID: "T-1"}
	rep.Policy = &verify.PolicyID{Path: "/etc/policy.yaml", Digest: digestOf(5)}
	s, p := read(t, rep)
	if p.TimeVerified.AsTime() != rep.Clock.Host || p.Policy.Uri != niURI(digestOf(5)) || "sha256:"+p.Policy.Digest["sha256"] != digestOf(5) {
		t.Errorf("%v", p)
	}
	own := s.Predicate.AsMap()
	if w, _ := own[verifierID+"/waivers"].([]any); len(w) != 1 || w[0] != rep.Waivers[0] || own[verifierID+"/transfer"] != "T-1" {
		t.Errorf("%v", own)
	}
}

// A bundle in which nothing can be read is named by the digest of its file. Without
// that there is no summary.
func TestVSAOfNothing(t *testing.T) {
	rep := rejected(verify.Check{ID: "container.wrapper"})
	if raw, err := Summary(rep); err == nil {
		t.Errorf("there is a summary without a subject: %s", raw)
	}
	rep.Bundle.FileDigest = verify.Text(digestOf(1))
	s, p := read(t, rep)
	if len(s.Subject) != 1 || "sha256:"+s.Subject[0].Digest["sha256"] != digestOf(1) || p.ResourceUri != niURI(digestOf(1)) || p.VerificationResult != "FAILED" {
		t.Errorf("%v %v", s, p)
	}
}

// The example of RFC 6920, section 8.1: the name of "Hello World!".
func TestNIURI(t *testing.T) {
	const want = "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"
	if got := niURI("sha256:7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, bad := range []string{"", "sha256:", "sha512:00", "sha256:" + "Z"} {
		if got := niURI(bad); got != "" {
			t.Errorf("%q: %s", bad, got)
		}
	}
}
