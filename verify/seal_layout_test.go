package verify_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// The entries of a seal, counted from oci-layout.
const (
	sealManifest = 5
	sealEnvelope = 6
)

// relisted changes index.json alone.
func relisted(change func([]byte) []byte) func(files) files {
	return func(f files) files {
		raw := change(bytes.Clone(f[1].Data))
		if bytes.Equal(raw, f[1].Data) {
			panic("nothing to replace")
		}
		f[1].Data = raw
		return f
	}
}

// withoutSealLine removes the seal's descriptor from index.json.
func withoutSealLine(raw []byte) []byte {
	i := bytes.LastIndex(raw, []byte(`,{"mediaType"`))
	return append(raw[:i:i], "]}"...)
}

// sealLineFirst lists the seal before the inventory.
func sealLineFirst(raw []byte) []byte {
	j := bytes.LastIndex(raw, []byte(`,{"mediaType"`))
	i := bytes.LastIndex(raw[:j], []byte(`,{"mediaType"`))
	line := raw[j : len(raw)-2]
	return slices.Concat(raw[:i], line, raw[i:j], []byte("]}"))
}

// resealed replaces the envelope and what names it. The manifest may differ from the
// one that the format dictates.
func resealed(envelope []byte, manifest func([]byte) []byte) func(files) files {
	return func(f files) files {
		old := f[sealManifest].Data
		raw := manifest(fixture.Repoint(old, f[sealEnvelope].Data, envelope))
		f[1].Data = fixture.Repoint(f[1].Data, old, raw)
		f[sealManifest], f[sealEnvelope] = blobFile(raw), blobFile(envelope)
		return f
	}
}

func TestSealStandsInItsPlace(t *testing.T) {
	same := func(raw []byte) []byte { return raw }
	resized := func(raw []byte) []byte {
		i := bytes.LastIndex(raw, []byte(`"size":`)) + len(`"size":`)
		return slices.Concat(raw[:i], []byte("9"), raw[i:])
	}
	for _, c := range []struct {
		name   string
		change func(files) files
		want   string // failed without a seal key
		judged string // and with one
	}{
		{"as it is", func(f files) files { return f }, "", ""},
		{"its line gone", relisted(withoutSealLine), "layout.unlisted", "layout.unlisted policy.seal"},
		{"its line elsewhere", relisted(sealLineFirst), "layout.index layout.unlisted", "layout.index layout.unlisted policy.seal"},
		{"its line with another size", relisted(resized), "layout.seal", "layout.seal policy.seal"},
		{"its line alone", func(f files) files { return slices.Delete(f, sealManifest, sealEnvelope+1) }, "layout.seal", "layout.seal policy.seal"},
		{"no manifest", dropping(sealManifest), "layout.seal layout.unlisted", "layout.seal layout.unlisted policy.seal"},
		{"no envelope", dropping(sealEnvelope), "layout.seal", "layout.seal policy.seal"},
		{"envelope first", exchanging(sealManifest, sealEnvelope), "layout.seal layout.unlisted", "layout.seal layout.unlisted policy.seal"},
		{"behind a blob", exchanging(sealEnvelope, sealEnvelope+1), "layout.seal layout.unlisted", "layout.seal layout.unlisted policy.seal"},
		{"at the end", moving(sealManifest, sealEnvelope), "layout.seal layout.unlisted", "layout.seal layout.unlisted policy.seal"},
		{"damaged", ending(sealEnvelope, " "), "blob.digest", "blob.digest policy.seal"},
		{"manifest damaged", ending(sealManifest, " "), "blob.digest", "blob.digest"},
		{"manifest of another", content(sealManifest, "{}"), "blob.digest", "blob.digest"},
		{"another manifest", resealed([]byte("x"), func(raw []byte) []byte { return append(raw, ' ') }), "layout.seal", "layout.seal policy.seal"},
		{"a covert member", resealed([]byte("x"), func(raw []byte) []byte { return append([]byte(`{"a":1,`), raw[1:]...) }), "layout.seal", "layout.seal policy.seal"},
		{"too large", resealed(make([]byte, bundle.MaxSeal+1), same), "limit.seal", "limit.seal policy.seal"},
		{"just large enough", resealed(make([]byte, bundle.MaxSeal), same), "", "policy.seal"},
	} {
		f := fixture.Open(soloBundle(t))
		publisher().SignForge(f, 0)
		f.Seal = sealer().Seal
		raw := fixture.Pack(c.change(f.Files()))
		opt := publisher().Options()
		sealCase(t, c.name, raw, opt, c.want)
		opt.SealKeys = sealer().Keys()
		sealCase(t, c.name+", with its key", raw, opt, c.judged)
	}
}

func sealCase(t *testing.T, name string, raw []byte, opt verify.Options, want string) {
	t.Helper()
	for how, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, opt), "pipe": fixture.VerifyStream(t, raw, opt)} {
		if failed := strings.Join(fixture.Failed(rep), " "); failed != want {
			t.Errorf("%s, as a %s: failed [%s], want [%s]\n%s", name, how, failed, want, details(rep))
		}
	}
}

// moving puts two entries behind all others.
func moving(from, to int) func(files) files {
	return func(f files) files {
		part := slices.Clone(f[from : to+1])
		return append(slices.Delete(f, from, to+1), part...)
	}
}

// TestEveryByteOfASeal changes every byte that a seal adds to a bundle: with the
// seal key pinned, and without, when only its digest covers the envelope.
func TestEveryByteOfASeal(t *testing.T) {
	c := newByteCount(t)
	c.raw = sealer().SealedBundle(c.raw)
	at := fixture.Offsets(c.raw)
	from, n := at[sealManifest], at[sealEnvelope+1]-at[sealManifest]
	for range 2 {
		if rep, err := answer(c.raw, c.opt, asFile); err != nil || rep.Verdict != check.Verified {
			t.Fatalf("the sealed bundle is not good to begin with: %v", err)
		}
		inParallel(n, func(i int) {
			mask := masks[i%len(masks)]
			c.rejected(fmt.Sprintf("byte %d xor %#02x", from+i, mask), func(b []byte) []byte { b[from+i] ^= mask; return b }, i/stride%17 == 0)
		})
		c.opt.SealKeys = sealer().Keys()
	}
	c.report(t, fmt.Sprintf("every byte of a seal, with its key and without: %d bytes", n))
}

// TestEveryFieldOfASeal changes every JSON field of a seal, hashes everything
// above it again, and expects a rejection under the seal key.
func TestEveryFieldOfASeal(t *testing.T) {
	raw := sealer().SealedBundle(fixture.Bundle(t, "app-v3:v1"))
	opt := fixture.Options()
	opt.SealKeys = sealer().Keys()
	tried := 0
	for _, d := range fixture.Documents(raw) {
		if !strings.HasPrefix(d.Name, "seal") {
			continue
		}
		if !bytes.Equal(d.Rewrite(d.Raw), raw) {
			t.Fatalf("%s: rewritten as it is, it gives another bundle", d.Name)
		}
		for _, m := range fixture.JSONMutations(d.Raw) {
			changed := d.Rewrite(m.JSON)
			if bytes.Equal(changed, raw) {
				continue
			}
			tried++
			if rep, err := answer(changed, opt, asFile); err != nil || rep.Verdict != check.Rejected {
				t.Errorf("%s%s: %s: %v, %v", d.Name, m.Path, m.Kind, rep, err)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d changes were tried", tried)
	}
	t.Logf("%d changes rejected", tried)
}

// The blobs of a seal do not belong to any image.
func TestTheSealIsNotListed(t *testing.T) {
	raw := sealer().SealedBundle(fixture.Bundle(t, "app-v3:v1"))
	f := fixture.Open(raw)
	for _, e := range fixture.Files(raw)[sealManifest : sealEnvelope+1] {
		if slices.ContainsFunc(f.Inventory.Blobs, func(b bundle.Blob) bool { return b.Digest == oci.FromBytes(e.Data) }) {
			t.Errorf("%s stands in the inventory", e.Name)
		}
	}
	if plain := fixture.Files(fixture.Bundle(t, "app-v3:v1")); !bytes.Equal(plain[4].Data, fixture.Files(raw)[4].Data) {
		t.Error("the inventory of a sealed bundle is another")
	}
}
