package verify_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/testdata"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// spelled is a bundle with what is demanded of it.
type spelled struct {
	name string
	raw  []byte
	opt  verify.Options
	rep  *verify.Report
}

// spellings returns a bundle with every sample of testdata, and some with Sigstore
// bundles of each flavour.
func spellings(t *testing.T) (all []*spelled) {
	t.Helper()
	add := func(name string, raw []byte, opt verify.Options) {
		all = append(all, &spelled{name, raw, opt, fixture.Verify(t, raw, opt)})
	}
	for _, image := range []string{"app:v1", "app:v2", "app-v3:v1", "multi:v1", "dockerv2:v1", "unsigned:v1", "notlog:v1",
		"wrongkey:v1", "twokeys:v1", "bundle:v1", "both:v1"} {
		add(image, fixture.Bundle(t, image), fixture.Options())
	}
	attested := fixture.Options()
	attested.Attestations = []verify.RequiredAttestation{
		{Name: "slsaprovenance1", PredicateType: "https://slsa.dev/provenance/v1", Count: 1},
	}
	add("app:v1, attested", fixture.Bundle(t, "app:v1"), attested)
	lab, err := testdata.FS.ReadFile("keys/trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(lab)
	if err != nil {
		t.Fatal(err)
	}
	opt := fixture.Options()
	opt.Keys, opt.Anchors = nil, verify.Anchors{}
	opt.TrustRoot(root)
	opt.Identities = sigstore().Options(sigstore().TrustedRoot(nil), true).Identities
	opt.Identities[0].SAN, opt.Identities[0].Issuer = "dev@lab.test", "http://127.0.0.1:8888"
	add("keyless:v1", fixture.Bundle(t, "keyless:v1"), opt)
	for _, flavour := range []fixture.Flavour{
		{}, {Rekor2: true}, {Keyless: true}, {Keyless: true, Rekor2: true, Stamped: true}, {Message: true}, {Message: true, Keyless: true},
	} {
		made, opt := (&modern{made: fixture.BundleStages{Flavour: flavour}}).build()
		add(fmt.Sprintf("%+v", flavour), made, opt)
	}
	return all
}

// rounds is how often each property is tried.
func rounds(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// TestSpellingNeverChangesTheVerdict respells every sample at random.
func TestSpellingNeverChangesTheVerdict(t *testing.T) {
	all := spellings(t)
	for _, s := range all {
		bad := slices.Contains([]string{"unsigned:v1", "notlog:v1", "wrongkey:v1"}, s.name)
		if (s.rep.Verdict == check.Verified) == bad {
			t.Fatalf("%s as it is: %s, failed %v", s.name, s.rep.Verdict, fixture.Failed(s.rep))
		}
	}
	inParallel(rounds(1000, 60), func(i int) {
		s := all[i%len(all)]
		rnd := rand.New(rand.NewPCG(uint64(i), 8))
		raw := fixture.Respell(rnd, s.raw).Build()
		rep := fixture.Verify(t, raw, s.opt)
		if rep.Verdict != s.rep.Verdict || !slices.Equal(fixture.Failed(rep), fixture.Failed(s.rep)) {
			t.Errorf("%s, seed %d: %s, failed %v, want %s and %v", s.name, i, rep.Verdict, fixture.Failed(rep),
				s.rep.Verdict, fixture.Failed(s.rep))
		}
		if !slices.Equal(fixture.Warned(rep), fixture.Warned(s.rep)) {
			t.Errorf("%s, seed %d: warned %v, want %v", s.name, i, fixture.Warned(rep), fixture.Warned(s.rep))
		}
	})
}

// TestTwoReadingsAreRejected respells verified samples and adds what two readers
// read differently.
func TestTwoReadingsAreRejected(t *testing.T) {
	all := slices.DeleteFunc(spellings(t), func(s *spelled) bool { return s.rep.Verdict != check.Verified })
	inParallel(rounds(1000, 60), func(i int) {
		s := all[i%len(all)]
		rnd := rand.New(rand.NewPCG(uint64(i), 9))
		f := fixture.Respell(rnd, s.raw)
		img := f.Inventory.Images[0]
		ev := img.Evidence[rnd.IntN(len(img.Evidence))]
		if ev.Kind == oci.KindAttestation || ev.Subject != img.Digest {
			return // which no sample needs
		}
		target := ev.Digest
		if m, _ := oci.ParseManifest(f.Blobs[target], oci.TypeManifest); ev.Kind == oci.KindBundle && rnd.IntN(2) == 0 {
			target = m.Layers[0].Digest
		}
		bad, what := fixture.Ambiguous(rnd, f.Blobs[target])
		if target == ev.Digest {
			f.Replace(target, bad)
		} else {
			fresh := fixture.Open(s.raw) // whose manifest can be changed
			list := fresh.Inventory.Images[0].Evidence
			at := slices.IndexFunc(list, func(e bundle.Evidence) bool { return e.Kind == ev.Kind && e.Subject == ev.Subject })
			m, _ := oci.ParseManifest(fresh.Blobs[list[at].Digest], oci.TypeManifest)
			fresh.Replace(m.Layers[0].Digest, bad)
			f = fresh
		}
		rep := fixture.Verify(t, f.Build(), s.opt)
		failed := fixture.Failed(rep)
		ofWrapper := func(id string) bool {
			return strings.HasPrefix(id, "signature.") || strings.HasPrefix(id, "rekor.encoding") || strings.HasPrefix(id, "manifest.") ||
				strings.HasPrefix(id, "layout.") || strings.HasPrefix(id, "trust.")
		}
		if rep.Verdict != check.Rejected && !backedUp(s.name) || len(failed) > 0 && !slices.ContainsFunc(failed, ofWrapper) {
			t.Errorf("%s, seed %d, %s of %s: %s, failed %v", s.name, i, what, ev.Kind, rep.Verdict, failed)
		}
	})
}

// backedUp reports whether an image has another good signature beside the one that
// is made ambiguous.
func backedUp(name string) bool {
	return name == "twokeys:v1" || name == "both:v1" || name == "multi:v1"
}
