package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// lone returns the first evidence of a form that came with an image of testdata, and
// the name by which the image is known.
func lone(t *testing.T, image string, form check.Form) (evidence.Evidence, oci.Reference) {
	t.Helper()
	f := fixture.Open(fixture.Bundle(t, image))
	ref, err := oci.ParseReference(f.Inventory.Images[0].Reference)
	if err != nil {
		t.Fatal(err)
	}
	blob := func(d oci.Digest) []byte {
		if d == oci.EmptyDigest {
			return []byte("{}")
		}
		return f.Blobs[d]
	}
	for _, ev := range f.Inventory.Images[0].Evidence {
		for _, e := range evidence.Read(ev.Kind, ev.Digest, ev.Subject, blob) {
			if e.Form == form {
				return e, ref
			}
		}
	}
	t.Fatalf("%s has no evidence of form %s", image, form)
	return evidence.Evidence{}, ref
}

// TestJudge wants one piece of evidence to be judged as it is in a bundle: the exact
// failed checks, an error if and only if there are any, and its place in the report.
func TestJudge(t *testing.T) {
	bundle := check.SigstoreBundle("0.3")
	for _, c := range []struct {
		name, image string
		form        check.Form
		edit        func(*evidence.Evidence)
		opt         func(*verify.Options)
		want        string
		attestation bool
	}{
		{name: "simple signing", image: "app:v1", form: check.FormSimpleSigning},
		{name: "Sigstore bundle", image: "bundle:v1", form: bundle},
		{name: "attestation", image: "app:v1", form: check.FormAttestation, attestation: true},
		{name: "signed by an unpinned key", image: "wrongkey:v1", form: check.FormSimpleSigning, want: "trust.key"},
		{name: "no log entry", image: "notlog:v1", form: check.FormSimpleSigning, want: "rekor.present"},
		{name: "flipped", image: "bundle:v1", form: bundle, edit: func(e *evidence.Evidence) { e.Signature[30] ^= 1 }, want: "signature.crypto rekor.signature"},
		{name: "an attestation flipped", image: "app:v1", form: check.FormAttestation, attestation: true,
			edit: func(e *evidence.Evidence) { e.Signature[30] ^= 1 }, want: "signature.crypto rekor.signature"},
		{name: "nothing signed at hand", image: "bundle:v1", form: bundle, edit: func(e *evidence.Evidence) { e.Message = nil }, want: "signature.claims"},
		{name: "no subject", image: "bundle:v1", form: bundle, edit: func(e *evidence.Evidence) { e.Subject = "" }, want: "signature.claims"},
		{name: "another message than the subject", image: "bundle:v1", form: bundle,
			edit: func(e *evidence.Evidence) { e.Envelope, e.Statement, e.Payload = nil, nil, nil }, want: "blob.digest rekor.kind"},
		{name: "unanchored", image: "bundle:v1", form: bundle, opt: func(o *verify.Options) { o.Keys = nil }, want: "trust.unanchored"},
		{name: "a weak anchor", image: "bundle:v1", form: bundle,
			opt: func(o *verify.Options) { o.Keys = append(o.Keys, weakKey(t)) }, want: "trust.key-strength"},
		{name: "an annotation it lacks", image: "bundle:v1", form: bundle,
			opt: func(o *verify.Options) { o.Annotations = map[string]string{"a": "b"} }, want: "policy.annotations"},
		{name: "an attestation too old", image: "app:v1", form: check.FormAttestation, attestation: true,
			opt: func(o *verify.Options) { o.MaxAge = time.Second }, want: "policy.age"},
		{name: "a demand on the bundle", image: "bundle:v1", form: bundle, opt: func(o *verify.Options) { o.Deep = true }, want: "policy.not-judged"},
		{name: "platforms demanded", image: "bundle:v1", form: bundle,
			opt: func(o *verify.Options) { o.OnlyPlatforms = []oci.Platform{{OS: "linux"}} }, want: "policy.not-judged"},
		{name: "two signers demanded", image: "bundle:v1", form: bundle,
			opt: func(o *verify.Options) { o.Signers = 2 }, want: "policy.not-judged"},
		{name: "another digest demanded", image: "bundle:v1", form: bundle,
			opt: func(o *verify.Options) { o.Digests = []oci.Digest{oci.EmptyDigest} }, want: "policy.digest"},
		{name: "a seal demanded", image: "bundle:v1", form: bundle, opt: func(o *verify.Options) { o.SealKeys = o.Keys }, want: "policy.not-judged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, ref := lone(t, c.image, c.form)
			opt := fixture.Options()
			if c.edit != nil {
				c.edit(&e)
			}
			if c.opt != nil {
				c.opt(&opt)
			}
			rep, err := verify.Judge(e, ref, opt)
			if got := strings.Join(fixture.Failed(rep), " "); got != c.want {
				t.Errorf("failed [%s], want [%s]\n%s", got, c.want, details(rep))
			}
			if ok := c.want == ""; (err == nil) != ok || (rep.Verdict == check.Verified) != ok {
				t.Errorf("verdict %s, error %v", rep.Verdict, err)
			}
			img := rep.Images[0]
			if c.attestation != (len(img.Attestations) == 1) || c.attestation == (len(img.Signatures) == 1) {
				t.Errorf("%d signatures, %d attestations", len(img.Signatures), len(img.Attestations))
			}
		})
	}
}

// weakKey returns a key that is too weak to vouch for anything.
func weakKey(t *testing.T) *trust.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.NewKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
