package verify_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// TestHostileTag: a digest that the operator pins without a tag does not bind a tag.
func TestHostileTag(t *testing.T) {
	f := fixture.Open(unsigned(t, "unsigned:v1"))
	img := &f.Inventory.Images[0]
	img.Reference = strings.Replace(img.Reference, ":v1", ":v9", 1)
	publisher().SignForge(f, 0)
	ref, err := oci.ParseReference(img.Reference)
	if err != nil {
		t.Fatal(err)
	}
	opt := publisher().Options()
	opt.Images = []oci.Reference{{Repository: ref.Repository, Digest: img.Digest}}
	rep := fixture.Verify(t, f.Build(), opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != "" {
		t.Errorf("failed [%s]\n%s", got, details(rep))
	}
	if got := strings.Join(fixture.Warned(rep), " "); got != "policy.reference-unbound" {
		t.Errorf("warned [%s], want [policy.reference-unbound]; %s is said to be bound by %s", got, rep.Images[0].ClaimedReference, rep.Images[0].BoundBy)
	}
}

// TestHostileSharedLayer: a bad layer that two images share rejects both.
func TestHostileSharedLayer(t *testing.T) {
	one := archive(t, "one", 3000)
	f := fixture.Open(imageOf(t, nil, packedLayer{gzipLayer, gzipMembers(t, one), oci.FromBytes([]byte("wrong"))}))
	again := f.Inventory.Images[0]
	again.Reference = strings.Replace(again.Reference, ":v1", ":v2", 1)
	f.Inventory.Images = append(f.Inventory.Images, again)
	opt := publisher().Options()
	opt.Deep = true
	rep := fixture.Verify(t, f.Build(), opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != "config.diffid" {
		t.Errorf("failed [%s], want [config.diffid]\n%s", got, details(rep))
	}
	for _, img := range rep.Images {
		if img.Verdict != check.Rejected {
			t.Errorf("%s: %s", img.ClaimedReference, img.Verdict)
		}
	}
}

// TestHostileLogUnproven: a log index is reported only if an inclusion proof leads to
// it.
func TestHostileLogUnproven(t *testing.T) {
	c := modern{made: fixture.BundleStages{Flavour: fixture.Flavour{Rekor2: true, Stamped: true},
		Entry: func(m *fixture.Making) { m.Entry.LogIndex, m.Entry.InclusionProof.LogIndex = 2, 2 }}}
	raw, opt := c.build()
	rep := fixture.Verify(t, raw, opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != "rekor.inclusion" {
		t.Errorf("failed [%s], want [rekor.inclusion]\n%s", got, details(rep))
	}
	if l := rep.Images[0].Signatures[0].Log; l != nil {
		t.Errorf("reported as a fact: log %s, index %d", l.LogID, l.LogIndex)
	}
}

// TestHostileIdentity: the identity in a certificate is reported only if a trusted
// authority issued it.
func TestHostileIdentity(t *testing.T) {
	forged := sigstore().With(func(s *fixture.Sigstore) {
		root := fixture.NewAuthority("fulcio root", nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign })
		s.Fulcio = []*fixture.Authority{root}
	})
	c := modern{by: forged, made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true}}}
	raw, opt := c.build()
	rep := fixture.Verify(t, raw, opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != "cert.chain" {
		t.Errorf("failed [%s], want [cert.chain]\n%s", got, details(rep))
	}
	if s := rep.Images[0].Signatures[0]; s.Identity != "" || s.Issuer != "" {
		t.Errorf("reported as a fact: signed by %q, on the word of %q", s.Identity, s.Issuer)
	}
}
