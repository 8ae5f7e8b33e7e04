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
)

type files = []fixture.File

// fileAt counts from the end if i is negative.
func fileAt(f files, i int) *fixture.File {
	if i < 0 {
		i += len(f)
	}
	return &f[i]
}

func dropping(i int) func(files) files {
	return func(f files) files {
		if i < 0 {
			i += len(f)
		}
		return slices.Delete(f, i, i+1)
	}
}

func content(i int, s string) func(files) files {
	return func(f files) files { fileAt(f, i).Data = []byte(s); return f }
}

func ending(i int, s string) func(files) files {
	return func(f files) files { e := fileAt(f, i); e.Data = append(e.Data, s...); return f }
}

// swapping panics if there is nothing to swap, so that each case changes something.
func swapping(i int, old, s string) func(files) files {
	return func(f files) files {
		if !bytes.Contains(fileAt(f, i).Data, []byte(old)) {
			panic("nothing to replace: " + old)
		}
		fileAt(f, i).Data = bytes.Replace(fileAt(f, i).Data, []byte(old), []byte(s), 1)
		return f
	}
}

func renaming(i int, change func(string) string) func(files) files {
	return func(f files) files { e := fileAt(f, i); e.Name = change(e.Name); return f }
}

func exchanging(i, j int) func(files) files {
	return func(f files) files { a, b := fileAt(f, i), fileAt(f, j); *a, *b = *b, *a; return f }
}

func blobFile(b []byte) fixture.File {
	return fixture.File{Name: "blobs/sha256/" + oci.FromBytes(b).Hex(), Data: b}
}

func fixedBlob(i int, b []byte) func(files) files {
	return func(f files) files { f[i] = blobFile(b); return f }
}

// covert adds a blob to the layers, in the order by digest.
func covert(f files) files {
	extra := blobFile([]byte("covert"))
	i := len(f) - 2
	for i < len(f) && f[i].Name < extra.Name {
		i++
	}
	return slices.Insert(f, i, extra)
}

// withoutSignature takes the signature's descriptor out of index.json.
func withoutSignature(f files) files {
	text := string(f[1].Data)
	i := strings.Index(text, `"kind":"dev.cosignproject.cosign/sigs"`)
	from, to := strings.LastIndex(text[:i], `,{"mediaType"`), i+strings.Index(text[i:], "}}")+2
	f[1].Data = []byte(text[:from] + text[to:])
	return f
}

// inventory rewrites the inventory and what names it.
func inventory(change func([]byte) []byte) func(files) files {
	return func(f files) files {
		raw := change(bytes.Clone(f[4].Data))
		if bytes.Equal(raw, f[4].Data) {
			panic("nothing to replace")
		}
		old, manifest := blobFile(f[4].Data), f[2]
		f[4] = blobFile(raw)
		f[2] = blobFile(fixture.Repoint(manifest.Data, old.Data, raw))
		f[1].Data = fixture.Repoint(f[1].Data, manifest.Data, f[2].Data)
		return f
	}
}

// keep leaves the lists of a forge as they are; without it, Build derives them.
func keep(f *fixture.Forge) {
	f.Build()
	f.KeepBlobs, f.KeepOrder = true, true
}

// listing hides a blob in the inventory.
func listing(role bundle.Role) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		keep(f)
		d := f.Add([]byte("covert"))
		v := &f.Inventory
		v.Blobs = append(v.Blobs, bundle.Blob{Digest: d, Size: 6, Roles: []bundle.Role{role}})
		slices.SortFunc(v.Blobs, func(a, b bundle.Blob) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	}
}

// roles changes the roles that the inventory gives the first layer.
func roles(change func(*bundle.Blob)) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		keep(f)
		for i := range f.Inventory.Blobs {
			if b := &f.Inventory.Blobs[i]; !b.Metadata() {
				change(b)
				return
			}
		}
	}
}

// more lists a third image that is not in the bundle.
func more(v *bundle.Inventory) {
	v.Images = append(v.Images, bundle.Image{Reference: v.Images[0].Reference + "x", Platforms: []string{}, Omitted: []bundle.Omitted{}, Evidence: []bundle.Evidence{},
		Node: bundle.Node{MediaType: oci.TypeManifest, Digest: oci.FromBytes([]byte("nowhere")), Size: 7}})
}

// shadow lists the image's manifest twice, so that a reader might take it for
// content and not judge it.
func shadow(v *bundle.Inventory) {
	i := slices.IndexFunc(v.Blobs, func(b bundle.Blob) bool { return b.Digest == v.Images[0].Digest })
	b := v.Blobs[i]
	b.Roles = []bundle.Role{bundle.RoleLayer}
	v.Blobs = slices.Insert(v.Blobs, i, b)
}

// withoutTwins stores once what the inventory lists twice.
func withoutTwins(f files) files {
	seen := map[string]bool{}
	return slices.DeleteFunc(f, func(e fixture.File) bool {
		again := seen[e.Name]
		seen[e.Name] = true
		return again
	})
}

// secondName lists the image again under another name, and nothing with it.
func secondName(f *fixture.Forge) {
	img := f.Inventory.Images[0]
	img.Reference, img.Evidence = img.Reference+"x", []bundle.Evidence{}
	f.Inventory.Images = append(f.Inventory.Images, img)
}

// referrer adds a manifest that refers to the image, listed as evidence.
func referrer(config, layers string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := f.Inventory.Images[0]
		refer(f, oci.TypeManifest, `{"schemaVersion":2,"mediaType":"`+oci.TypeManifest+`","artifactType":"application/x-odd","config":`+config+`,"layers":[`+layers+`],"subject":`+described(img.Node)+`}`)
	}
}

func referringIndex(f *fixture.Forge) {
	img := f.Inventory.Images[0]
	refer(f, oci.TypeIndex, `{"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`","artifactType":"application/x-odd","manifests":[`+described(img.Node)+`],"subject":`+described(img.Node)+`}`)
}

func refer(f *fixture.Forge, mediaType, raw string) {
	d, img := f.Add([]byte(raw)), &f.Inventory.Images[0]
	img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindReferrer, Subject: img.Digest,
		Node: bundle.Node{MediaType: mediaType, Digest: d, Size: int64(len(raw))}})
}

var (
	twoOnce           = sync.OnceValue(func() []byte { return unsigned(&testing.T{}, "unsigned:v1", "wrongann:v1") })
	indexAndImageOnce = sync.OnceValue(func() []byte { return unsigned(&testing.T{}, "multi:v1", "unsigned:v1") })
)

// twoBundle holds two images; indexAndImage an index and an image.
func twoBundle(testing.TB) []byte     { return bytes.Clone(twoOnce()) }
func indexAndImage(testing.TB) []byte { return bytes.Clone(indexAndImageOnce()) }

func described(n bundle.Node) string { return fixture.Describe(n.MediaType, n.Digest, n.Size) }
