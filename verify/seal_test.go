package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

var sealer = sync.OnceValue(fixture.NewSealer)

func sealing(by *fixture.Sealer) func(*fixture.Forge) {
	return func(f *fixture.Forge) { f.Seal = by.Seal }
}

func sealedUnder(keys ...*trust.Key) func(*verify.Options) {
	return func(o *verify.Options) { o.SealKeys = keys }
}

// enveloping replaces the envelope of the seal.
func enveloping(make func(manifest oci.Digest) []byte) func(*fixture.Forge) {
	return func(f *fixture.Forge) { f.Seal = make }
}

func signedAs(payloadType, payload string, by *fixture.Sealer) func(*fixture.Forge) {
	return enveloping(func(manifest oci.Digest) []byte {
		raw, err := dsse.Sign(payloadType, []byte(strings.ReplaceAll(payload, "INVENTORY", string(manifest))), by.Signer)
		if err != nil {
			panic(err)
		}
		return raw
	})
}

// posing seals with another key under the key id of the pinned one.
func posing(as *fixture.Sealer) func(*fixture.Forge) {
	return enveloping(func(manifest oci.Digest) []byte {
		raw, name := as.Seal(manifest), []byte(as.Public().Fingerprint())
		if !bytes.Contains(raw, name) {
			panic("nothing to swap")
		}
		return bytes.Replace(raw, name, []byte(sealer().Public().Fingerprint()), 1)
	})
}

const sealPayload = `{"exportedAt":"2026-11-23T13:00:00Z","inventory":"INVENTORY","schema":"gapseal.seal/v1","serial":7,"stream":"acme"}`

func TestThreatsSeal(t *testing.T) {
	unpinned := fixture.NewSealer()
	pinned := sealedUnder(sealer().Public())
	threats(t, "policy", []threat{
		{name: "sealed", forge: sealing(sealer()), opt: pinned},
		{name: "sealed, by one of two", forge: sealing(sealer()), opt: sealedUnder(unpinned.Public(), sealer().Public())},
		{name: "sealed, as it is written", forge: signedAs(bundle.TypeSeal, sealPayload, sealer()), opt: pinned},
		{name: "sealed, and none is demanded", forge: sealing(unpinned), warn: "policy.seal-not-judged policy.reference-unbound"},
		{name: "not sealed", opt: pinned, want: "policy.seal"},
		{name: "sealed by an unpinned key", forge: sealing(unpinned), opt: pinned, want: "policy.seal"},
		{name: "under the name of the pinned key", forge: posing(unpinned), opt: pinned, want: "policy.seal"},
		{name: "another inventory", forge: enveloping(func(oci.Digest) []byte { return sealer().Seal(oci.FromBytes([]byte("another"))) }), opt: pinned, want: "policy.seal"},
		{name: "a receipt", forge: signedAs("application/vnd.gapseal.receipt.v1+json", sealPayload, sealer()), opt: pinned, want: "policy.seal"},
		{name: "an attestation", forge: signedAs(oci.TypeInToto, sealPayload, sealer()), opt: pinned, want: "policy.seal"},
		{name: "another schema", forge: signedAs(bundle.TypeSeal, strings.Replace(sealPayload, "seal/v1", "seal/v2", 1), sealer()), opt: pinned, want: "policy.seal"},
		{name: "a statement with more", forge: signedAs(bundle.TypeSeal, strings.Replace(sealPayload, "{", `{"a":1,`, 1), sealer()), opt: pinned, want: "policy.seal"},
		{name: "no envelope", forge: enveloping(func(oci.Digest) []byte { return []byte("[]") }), opt: pinned, want: "policy.seal"},
		{name: "no JSON", forge: enveloping(func(oci.Digest) []byte { return []byte("sealed") }), opt: pinned, want: "policy.seal"},
		{name: "no envelope, and none is demanded", forge: enveloping(func(oci.Digest) []byte { return []byte("[]") }), warn: "policy.seal-not-judged policy.reference-unbound"},
	})
}

// The details distinguish the reasons for which the check fails.
func TestSealSaysWhatIsWrong(t *testing.T) {
	unpinned := fixture.NewSealer()
	base := unsigned(t, "unsigned:v1")
	for want, forge := range map[string]func(*fixture.Forge){
		"has no seal":               func(*fixture.Forge) {},
		"names a key that is not":   sealing(unpinned),
		"does not verify under":     posing(unpinned),
		"another kind of statement": signedAs(oci.TypeInToto, sealPayload, sealer()),
		"in its one form":           signedAs(bundle.TypeSeal, "said", sealer()),
		"for another inventory":     enveloping(func(oci.Digest) []byte { return sealer().Seal(oci.FromBytes([]byte("another"))) }),
	} {
		raw, opt := (&threat{forge: forge, opt: sealedUnder(sealer().Public())}).build(t, base)
		rep := fixture.Verify(t, raw, opt)
		if len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Detail, want) {
			t.Errorf("want %q, failed: %s", want, details(rep))
		}
		if rep.Seal != nil || rep.Images[0].BoundBy == "seal" {
			t.Errorf("%s: the report takes the seal's word", want)
		}
	}
}

func TestSealInTheReport(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer())}).build(t, unsigned(t, "unsigned:v1"))
	rep := fixture.Verify(t, raw, opt)
	if rep.Seal != nil || rep.Images[0].BoundBy != "docker-reference" {
		t.Errorf("the word of a seal by an unpinned key is taken: %+v, %s", rep.Seal, rep.Images[0].BoundBy)
	}
	unjudged := rep.Totals.UnjudgedBytes

	opt.SealKeys = sealer().Keys()
	rep = fixture.Verify(t, raw, opt)
	said, files := sealer().Said, fixture.Files(raw)
	want := verify.Seal{Key: sealer().Public().Fingerprint(), Stream: said.Stream, Serial: said.Serial, ExportedAt: said.ExportedAt, Inventory: string(oci.FromBytes(files[2].Data))}
	if rep.Seal == nil || *rep.Seal != want {
		t.Errorf("got %+v, want %+v", rep.Seal, want)
	}
	if by, status := rep.Images[0].BoundBy, statusOf(rep, "policy.reference-unbound"); by != "seal" || status != check.Pass {
		t.Errorf("bound by %s, policy.reference-unbound: %s", by, status)
	}
	if seal := int64(len(files[5].Data) + len(files[6].Data)); rep.Totals.UnjudgedBytes != unjudged-seal {
		t.Errorf("unjudged: %d, before %d, and the seal has %d", rep.Totals.UnjudgedBytes, unjudged, seal)
	}
	if a := rep.Anchors[1]; a.Kind != "seal" || string(a.Fingerprint) != want.Key {
		t.Errorf("anchor: %+v", a)
	}
	ref, err := oci.ParseReference(rep.Images[0].ClaimedReference + "@" + rep.Images[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	opt.Images = []oci.Reference{ref}
	if by := fixture.Verify(t, raw, opt).Images[0].BoundBy; by != "digest" {
		t.Errorf("the operator's own digest comes first, found %s", by)
	}
}

// Only the seal shows that an attestation was removed: without it the bundle is
// consistent.
func TestSealFindsWhatWasStripped(t *testing.T) {
	whole := sealer().SealedBundle(fixture.Bundle(t, "app:v1"))
	opt, sealed := fixture.Options(), fixture.Options()
	sealed.SealKeys = sealer().Keys()
	strip := func(unseal bool) []byte {
		f := fixture.Open(whole)
		att := attested(t, f)
		img := &f.Inventory.Images[0]
		img.Evidence = slices.DeleteFunc(img.Evidence, func(ev bundle.Evidence) bool { return ev == att })
		if unseal {
			f.Seal = nil
		}
		return f.Build()
	}
	for name, test := range map[string]struct {
		raw           []byte
		opt           verify.Options
		failed, warns string
	}{
		"whole":                        {whole, sealed, "", ""},
		"stripped, no key pinned":      {strip(false), opt, "", "policy.seal-not-judged policy.reference-unbound"},
		"stripped":                     {strip(false), sealed, "policy.seal", "policy.reference-unbound"},
		"seal gone too, no key pinned": {strip(true), opt, "", "policy.reference-unbound"},
		"seal gone too":                {strip(true), sealed, "policy.seal", "policy.reference-unbound"},
	} {
		rep := fixture.Verify(t, test.raw, test.opt)
		failed, warned := strings.Join(fixture.Failed(rep), " "), strings.Join(fixture.Warned(rep), " ")
		if failed != test.failed || warned != test.warns {
			t.Errorf("%s: failed [%s], warned [%s]", name, failed, warned)
		}
	}
}

func TestAWeakSealKeyIsRefused(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer())}).build(t, unsigned(t, "unsigned:v1"))
	weak, err := trust.NewKey(&ecdsaKey(p224).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	opt.SealKeys = []*trust.Key{weak}
	if failed := strings.Join(fixture.Failed(fixture.Verify(t, raw, opt)), " "); failed != "trust.key-strength policy.seal" {
		t.Error(failed)
	}
}

func TestStrictWantsTheSealJudged(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer())}).build(t, unsigned(t, "unsigned:v1"))
	opt.Strict = true
	if failed := strings.Join(fixture.Failed(fixture.Verify(t, raw, opt)), " "); failed != "policy.seal-not-judged policy.reference-unbound" {
		t.Error(failed)
	}
}
