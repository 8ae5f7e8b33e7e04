package verify_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// TestLimitThreats exceeds each budget in one thing.
func TestLimitThreats(t *testing.T) {
	deviate(t, "limit", []deviation{
		{name: "1001 signature layers", after: signedTimes(1001), want: "limit.signatures"},
		{name: "1001 signatures in two manifests", after: func(f *fixture.Forge) {
			signedTimes(501)(f)
			first := f.Inventory.Images[0].Evidence
			signedTimes(500)(f)
			f.Inventory.Images[0].Evidence = append(f.Inventory.Images[0].Evidence, first...)
		}, want: "limit.signatures"},
		{name: "total bytes over budget: an entry of 17 TiB", raw: inserting(endOfArchive, hugeEntry(17<<40)), want: "limit.total"},
		{name: "metadata over budget", limits: oci.Limits{Metadata: 2_500}, want: "limit.metadata"},
		{name: "index.json over budget", limits: oci.Limits{Index: 100}, want: "limit.index"},
		{name: "index.json of 5 MiB", files: ending(1, strings.Repeat(" ", 5<<20)), want: "limit.index"},
		{name: "inventory over budget", limits: oci.Limits{Inventory: 100}, want: "limit.inventory"},
		{name: "inventory of 17 MiB", files: inventory(func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 17<<20)...) }), want: "limit.inventory"},
		{name: "images over budget", base: twoBundle, limits: oci.Limits{Images: 1}, want: "limit.images"},
		{name: "entries over budget", limits: oci.Limits{Entries: 13}, want: "limit.entries"},
		{name: "indexes nested five deep", after: func(f *fixture.Forge) { nested(5)(f); listAll(f) }, want: "limit.depth manifest.runnable"},
		{name: "referrers of referrers five deep", after: func(f *fixture.Forge) { keep(f); referrers(5)(f); listAll(f) }, want: "limit.depth layout.inventory"},
		{name: "the same child a hundred times, over the budget of entries", after: fanOut(1, 100), limits: oci.Limits{Entries: 50}, want: "limit.entries"},
	})
	deviate(t, "", []deviation{
		{name: "indexes nested four deep", after: nested(4)},
		{name: "referrers of referrers four deep", after: referrers(4)},
		{name: "as many signature layers as the budget has", after: signedTimes(50), limits: oci.Limits{Signatures: 50}},
	})
}

// TestPayloadLimits stores payloads whose size exceeds the budget, or is not the one
// described.
func TestPayloadLimits(t *testing.T) {
	padded := fixture.Stages{Payload: func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 1<<20)...) }}
	lie := fixture.Stages{Layer: func(l *oci.Descriptor) { l.Size = 10 }}
	deviate(t, "limit", []deviation{
		{name: "payload over 1 MiB", after: func(f *fixture.Forge) { publisher().SignForge(f, 0, padded) }, want: "limit.payload"},
	})
	deviate(t, "blob", []deviation{
		{name: "size lie about a payload", after: func(f *fixture.Forge) { publisher().SignForge(f, 0, lie) }, want: "blob.size"},
	})
}

// TestEntryFlood: of a million entries no more are read than the budget allows.
func TestEntryFlood(t *testing.T) {
	opt := publisher().Options()
	limits := oci.Limits{Entries: 20_000}
	const million = 1_000_000
	good := solo(t)
	alone := &flood{entries: million}
	file, err := bundle.Open(alone, million*512, limits)
	if err != nil {
		t.Fatal(err)
	}
	behind := &flood{head: good[:len(good)-1024], entries: million}
	pipe, err := bundle.OpenStream(io.NewSectionReader(behind, 0, 1<<40), limits)
	if err != nil {
		t.Fatal(err)
	}
	for how, r := range map[string]*bundle.Reader{"file": file, "pipe, behind a bundle": pipe} {
		rep, err := verify.Bundle(t.Context(), r, opt)
		if rep == nil || rep.Failures[0].ID != "limit.entries" {
			t.Fatalf("%s: %v", how, err)
		}
		if len(rep.Checks) > 1000 {
			t.Errorf("%s: a report of %d checks", how, len(rep.Checks))
		}
	}
}

// flood is a file of empty entries, each under a name of its own.
type flood struct {
	head    []byte
	entries int64
}

func (f *flood) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at < int64(len(f.head)) {
			n += copy(p[n:], f.head[at:])
			continue
		}
		at -= int64(len(f.head))
		if at/512 >= f.entries {
			return n, io.EOF
		}
		n += copy(p[n:], fixture.Entry(fmt.Sprintf("blobs/sha256/%064x", at/512), '0', "", "")[at%512:])
	}
	return n, nil
}

// TestFanOut reads documents that name each other many times: two thousand to the
// fourth power if each mention were followed.
func TestFanOut(t *testing.T) {
	deviate(t, "", []deviation{
		{name: "one child two thousand times", after: fanOut(1, 2_000)},
		{name: "four indexes, each naming the next two thousand times", after: fanOut(4, 2_000)},
	})
	deviate(t, "limit", []deviation{
		{name: "four indexes, each naming the next two thousand times, over the budget", after: fanOut(4, 2_000), limits: oci.Limits{Entries: 7_000}, want: "limit.entries"},
		{name: "twenty names for an index of two thousand, over the budget", after: func(f *fixture.Forge) {
			fanOut(1, 2_000)(f)
			img := f.Inventory.Images[0]
			for i := range 20 {
				img.Reference = fmt.Sprintf("%s%c", f.Inventory.Images[0].Reference, 'a'+i)
				f.Inventory.Images = append(f.Inventory.Images, img)
			}
		}, limits: oci.Limits{Entries: 35_000}, want: "limit.entries manifest.runnable"},
	})
}

// TestInventoryFlood lists so many lines that quadratic work would never end.
func TestInventoryFlood(t *testing.T) {
	const n = 3_000
	list := func(change func(v *bundle.Inventory, i int)) func(*fixture.Forge) {
		return func(f *fixture.Forge) {
			keep(f)
			for i := range n {
				change(&f.Inventory, i)
			}
		}
	}
	fake := func(i int) oci.Digest { return oci.Digest(fmt.Sprintf("sha256:%064x", i)) }
	deviate(t, "limit", []deviation{
		{name: "3,000 images where 2,000 are allowed", limits: oci.Limits{Images: 2_000}, after: list(func(v *bundle.Inventory, i int) {
			img := v.Images[0]
			img.Evidence, img.Reference = []bundle.Evidence{}, fmt.Sprintf("%s-%05d", v.Images[0].Reference, i)
			v.Images = append(v.Images, img)
		}), want: "limit.images"},
	})
	deviate(t, "layout", []deviation{
		{name: "3,000 keys", after: list(func(v *bundle.Inventory, i int) {
			v.Keys = append(v.Keys, bundle.Key{Fingerprint: string(fake(i)), Node: bundle.Node{MediaType: oci.TypeManifest, Digest: fake(i), Size: 1}})
		}), want: "layout.inventory"},
		{name: "3,000 pieces of evidence that are one", after: list(func(v *bundle.Inventory, i int) {
			ev := v.Images[0].Evidence[0]
			ev.Subject = fake(i)
			v.Images[0].Evidence = append(v.Images[0].Evidence, ev)
		}), want: "layout.inventory"},
		{name: "3,000 omitted platforms", after: list(func(v *bundle.Inventory, i int) {
			v.Images[0].Omitted = append(v.Images[0].Omitted, bundle.Omitted{Platform: "linux/amd64", Digest: fake(i)})
		}), want: "layout.inventory"},
		{name: "3,000 blobs that are not there", after: list(func(v *bundle.Inventory, i int) {
			v.Blobs = append(v.Blobs, bundle.Blob{Digest: fake(i), Size: 1, Roles: []bundle.Role{bundle.RoleLayer}})
			if i == n-1 {
				slices.SortFunc(v.Blobs, func(a, b bundle.Blob) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
			}
		}), want: "layout.missing layout.roles"},
		{name: "an inventory of nothing but empty objects", files: inventory(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"images":[`), []byte(`"images":[`+strings.Repeat("{},", 1<<20)), 1)
		}), want: "layout.inventory"},
	})
}

// signedTimes signs the image n times, in one manifest.
func signedTimes(n int) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		one := fixture.Stages{Optional: map[string]any{"n": fmt.Sprint(n)}}
		publisher().SignForge(f, 0, slices.Repeat([]fixture.Stages{one}, n)...)
	}
}

// fanOut nests the image in indexes, each of which names the next several times.
func fanOut(levels, times int) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		f.Unsign(0)
		img := &f.Inventory.Images[0]
		child := strings.Replace(described(img.Node), `"size"`, `"platform":{"architecture":"amd64","os":"linux"},"size"`, 1)
		for range levels {
			raw := `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` + strings.TrimSuffix(strings.Repeat(child+",", times), ",") + `]}`
			img.Node = bundle.Node{MediaType: oci.TypeIndex, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
			child = described(img.Node)
		}
		publisher().SignForge(f, 0)
	}
}

func nested(levels int) func(*fixture.Forge) { return fanOut(levels, 1) }

// referrers adds evidence for the image, evidence for that, and so on.
func referrers(levels int) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := &f.Inventory.Images[0]
		subject := img.Node
		for i := range levels {
			raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"application/x-%d","config":%s,"layers":[],"subject":%s}`,
				oci.TypeManifest, i, fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2), described(subject))
			node := bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add([]byte(raw)), Size: int64(len(raw))}
			img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindReferrer, Subject: subject.Digest, Node: node})
			subject = node
		}
	}
}

// listAll lists blobs that nothing reaches, as metadata.
func listAll(f *fixture.Forge) {
	keep(f)
	v := &f.Inventory
	for d, raw := range f.Blobs {
		if !slices.ContainsFunc(v.Blobs, func(b bundle.Blob) bool { return b.Digest == d }) {
			v.Blobs = append(v.Blobs, bundle.Blob{Digest: d, Size: int64(len(raw)), Roles: []bundle.Role{bundle.RoleManifest}})
		}
	}
	slices.SortFunc(v.Blobs, func(a, b bundle.Blob) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
}

// hugeEntry is the header of an entry from 8 GiB on, and no body.
func hugeEntry(size uint64) []byte {
	b := fixture.Entry("blobs/sha256/"+strings.Repeat("a", 64), '0', "", "")
	copy(b[124:], "\x80\x00\x00\x00")
	binary.BigEndian.PutUint64(b[128:], size)
	fixture.Checksum(b)
	return b
}
