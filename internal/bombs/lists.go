package bombs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/trust"
)

// listBombs are made of manifests, indexes and the inventory.
func listBombs() []Bomb {
	return []Bomb{
		{"40 MB of annotations", annotated, "manifest.json"},
		{"12 manifests of 1.3 million empty layers", emptyLayers, "manifest.json"},
		{"an inventory of 5 million empty images", emptyImages, "layout.inventory"},
		{"9,000 names for an index of 20,000 children", fanOut, "limit.entries"},
		{"60,000 layers in 16 images", sharedLayers, "policy.unsigned-image"},
		{"60,000 pieces of evidence that were left out", leftOut, "layout.inventory"},
		{"30,000 keys in the bundle", carriedKeys, "limit.index"},
		{"a config of 4 MiB in 2,000 manifests", sharedConfig, "config.diff-ids"},
	}
}

func annotated(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	var b strings.Builder
	for j := range 330_000 {
		fmt.Fprintf(&b, `"%06d":"",`, j)
	}
	for i := range 10 {
		refer(f, 0, oci.KindReferrer, fmt.Sprintf("application/x-%d", i),
			`"layers":[],"annotations":{`+strings.TrimSuffix(b.String(), ",")+`}`)
	}
	return f.Build(), sampleKeys
}

func emptyLayers(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	list := strings.TrimSuffix(strings.Repeat("{},", 1_300_000), ",")
	for i := range 11 {
		refer(f, 0, oci.KindReferrer, fmt.Sprintf("application/x-%d", i), `"layers":[`+list+`]`)
	}
	return f.Build(), sampleKeys
}

// emptyImages is an inventory full of images that say nothing.
func emptyImages(t testing.TB, _ string) ([]byte, []string) {
	files := forge(t).Files()
	for i := range files {
		if bytes.Contains(files[i].Data, []byte(`"images":[`)) {
			old := oci.FromBytes(files[i].Data)
			files[i].Data = bytes.Replace(files[i].Data, []byte(`"images":[`),
				[]byte(`"images":[`+strings.Repeat("{},", 5_500_000)), 1)
			files[i].Name = strings.Replace(files[i].Name, old.Hex(), oci.FromBytes(files[i].Data).Hex(), 1)
		}
	}
	return fixture.Pack(files), sampleKeys
}

// fanOut gives many names to an index that names one child again and again.
func fanOut(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	f.Unsign(0)
	img := &f.Inventory.Images[0]
	child := `{"mediaType":"` + img.MediaType + `","digest":"` + string(img.Digest) +
		`","platform":{"architecture":"amd64","os":"linux"},"size":` + fmt.Sprint(img.Size) + `}`
	raw := `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` +
		strings.TrimSuffix(strings.Repeat(child+",", 20_000), ",") + `]}`
	img.Node = bundle.Node{MediaType: oci.TypeIndex, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
	img.Evidence = []bundle.Evidence{}
	rename(f, 9_000)
	return f.Build(), sampleKeys
}

// sharedLayers lists the same small layers in many images.
func sharedLayers(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	f.Unsign(0)
	base := f.Inventory.Images[0]
	var children []string
	for m := range 4 {
		var layers []string
		for i := range 15_000 {
			blob := fmt.Appendf(nil, "%d", m*15_000+i)
			layers = append(layers, fixture.Describe("application/x", f.Add(blob), int64(len(blob))))
		}
		raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}`, oci.TypeManifest,
			fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2), strings.Join(layers, ","))
		children = append(children, fixture.Describe(oci.TypeManifest, f.Add([]byte(raw)), int64(len(raw))))
	}
	f.Inventory.Images = []bundle.Image{}
	for i := range 16 {
		raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","manifests":[%s],"annotations":{"n":"%d"}}`,
			oci.TypeIndex, strings.Join(children, ","), i)
		base.Reference = fmt.Sprintf("%sapp:t%05d", fixture.Host, i)
		base.Node = bundle.Node{MediaType: oci.TypeIndex, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
		base.Evidence = []bundle.Evidence{}
		f.Inventory.Images = append(f.Inventory.Images, base)
	}
	return f.Build(), sampleKeys
}

// leftOut is an inventory that lists much that is not there.
func leftOut(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	img := &f.Inventory.Images[0]
	f.Inventory.Schema = "gapseal.inventory/v2"
	for i := range 60_000 {
		img.LeftOut = append(img.LeftOut, bundle.LeftOut{Subject: img.Digest,
			Digest: oci.FromBytes(fmt.Append(nil, i)), Type: "x", Reason: "garbage-collected"})
	}
	return f.Build(), sampleKeys
}

// carriedKeys carries many keys, none of which made any signature but the last.
func carriedKeys(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	for range 30_000 {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := trust.NewKey(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		pem := []byte(public.PEM())
		manifest, err := bundle.KeyArtifact(pem)
		if err != nil {
			t.Fatal(err)
		}
		f.Add(pem)
		f.Inventory.Keys = append(f.Inventory.Keys, bundle.Key{Fingerprint: public.Fingerprint(),
			Node: bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add(manifest), Size: int64(len(manifest))}})
	}
	return f.Build(), sampleKeys
}

// sharedConfig names one large config in many manifests.
func sharedConfig(t testing.TB, _ string) ([]byte, []string) {
	f := forge(t)
	f.Unsign(0)
	base := f.Inventory.Images[0]
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[` +
		strings.TrimSuffix(strings.Repeat(`"`+string(base.Digest)+`",`, 50_000), ",") + `]}}`)
	d := f.Add(config)
	f.Inventory.Images = []bundle.Image{}
	for i := range 2_000 {
		raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[],"annotations":{"n":"%d"}}`,
			oci.TypeManifest, fixture.Describe(oci.TypeConfig, d, int64(len(config))), i)
		base.Reference = fmt.Sprintf("%sapp:t%05d", fixture.Host, i)
		base.Node = bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
		base.Evidence = []bundle.Evidence{}
		f.Inventory.Images = append(f.Inventory.Images, base)
	}
	return f.Build(), sampleKeys
}
