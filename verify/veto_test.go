package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// vetoed is a registry with an image that is signed, and what somebody else who may push
// hung on it.
type vetoed struct {
	*fixture.Registry
	by   *fixture.Signer
	root oci.Descriptor
	list []oci.Descriptor
}

const vetoedImage = fixture.Host + "unsigned"

func newVetoed(t *testing.T) *vetoed {
	t.Helper()
	v := &vetoed{Registry: fixture.NewRegistry(), by: fixture.NewSigner(t)}
	v.root = v.Tags[vetoedImage+":v1"]
	v.by.Sign(v.Registry, vetoedImage, v.root.Digest)
	v.Blobs[oci.EmptyDigest] = []byte("{}")
	return v
}

// hang adds a referrer of subject that lists a blob so many times.
func (v *vetoed) hang(subject oci.Descriptor, mediaType string, blob []byte, times int) oci.Descriptor {
	d := oci.FromBytes(blob)
	v.Blobs[d] = blob
	layers := strings.Repeat(","+fixture.Describe(mediaType, d, int64(len(blob))), times)[1:]
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"%s","config":%s,"layers":[%s],"subject":%s,`+
		`"annotations":{"n":"%d"}}`, oci.TypeManifest, mediaType, fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2),
		layers, fixture.Describe(subject.MediaType, subject.Digest, subject.Size), len(v.list))
	pushed := v.Push(vetoedImage, "", oci.TypeManifest, []byte(raw))
	pushed.ArtifactType = mediaType
	v.list = append(v.list, pushed)
	return pushed
}

// export collects and judges, and then verifies what was written.
func (v *vetoed) export(t *testing.T, change func(*bundle.Request), images ...string) (*bundle.Plan, *verify.Report) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": oci.TypeIndex, "manifests": v.list})
	if err != nil {
		t.Fatal(err)
	}
	v.Push(vetoedImage, "sha256-"+v.root.Digest.Hex(), oci.TypeIndex, raw)
	req := v.by.Request(t, images...)
	opt := v.by.Options()
	req.Vouches = verify.Vouches(opt)
	change(&req)
	plan, fetch, err := bundle.Collect(context.Background(), v, req)
	if err != nil {
		t.Fatal(err)
	}
	gate, _ := verify.Plan(plan, opt)
	var out bytes.Buffer
	if err := plan.WriteStream(context.Background(), &out, fetch, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	rep := fixture.Verify(t, out.Bytes(), opt, req.Limits)
	if gate.Verdict != rep.Verdict {
		t.Errorf("export says %s, verify says %s", gate.Verdict, rep.Verdict)
	}
	return plan, rep
}

// sigstoreBundle returns a bundle that can be read, proves nothing, and has so many log
// entries.
func worthlessBundle(i, entries int) []byte {
	entry := `,{"logIndex":"1","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"dsse","version":"0.0.1"},` +
		`"canonicalizedBody":"AAAA","inclusionProof":{"checkpoint":{"envelope":"x"}}}`
	return fmt.Appendf(nil, `{"mediaType":"%s","verificationMaterial":{"publicKey":{"hint":"%d"},"tlogEntries":[%s]},`+
		`"dsseEnvelope":{"payloadType":"%s","payload":"AAAA","signatures":[{"sig":"AAAA"}]}}`,
		fixture.TypeSigstoreBundle, i, strings.Repeat(entry, entries)[1:], oci.TypeInToto)
}

// TestNobodysVeto hangs more on a signed image than verify judges. What does not fit is
// left out, and the signature counts.
func TestNobodysVeto(t *testing.T) {
	statement := paddedStatement(10 << 20)
	for name, hang := range map[string]func(v *vetoed){
		"33 Sigstore bundles with 32 log entries each": func(v *vetoed) {
			for i := range 33 {
				v.hang(v.root, fixture.TypeSigstoreBundle, worthlessBundle(i, 32), 1)
			}
		},
		"a statement of 10 MiB, listed by six referrers": func(v *vetoed) {
			for range 6 {
				v.hang(v.root, oci.TypeInToto, statement, 1)
			}
		},
		"a statement of 1 MiB, listed sixty times by one referrer": func(v *vetoed) {
			v.hang(v.root, oci.TypeInToto, statement[:len(statement)>>3], 60)
		},
		"1500 worthless bundles": func(v *vetoed) {
			for i := range 1500 {
				v.hang(v.root, fixture.TypeSigstoreBundle, worthlessBundle(i, 1), 1)
			}
		},
		"1500 layers that are no signatures": func(v *vetoed) {
			for i := range 1500 {
				v.hang(v.root, oci.TypeSimpleSigning, fmt.Append(nil, i), 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.HasPrefix(name, "1500") {
				t.Skip("slow with the race detector; make test runs it without")
			}
			v := newVetoed(t)
			hang(v)
			plan, rep := v.export(t, func(*bundle.Request) {}, "unsigned:v1")
			if failed := fixture.Failed(rep); len(failed) > 0 {
				t.Errorf("failed: %v", failed)
			}
			if len(plan.Inventory.Images[0].LeftOut) == 0 || !warned(rep, check.PolicyLeftOut) {
				t.Error("nothing is said to be left out")
			}
		})
	}
}

func warned(rep *verify.Report, id check.ID) bool {
	for _, c := range rep.Checks {
		if c.ID == id && c.Status == check.Warn {
			return true
		}
	}
	return false
}

// TestNobodysVetoOverManyImages exceeds the budget for all images together with what
// costs less than a signature does.
func TestNobodysVetoOverManyImages(t *testing.T) {
	v := newVetoed(t)
	for i := range 9 {
		v.hang(v.root, oci.TypeSimpleSigning, fmt.Append(nil, i), 1)
	}
	var names []string
	for i := range 60 {
		name := fmt.Sprintf("unsigned:t%02d", i)
		v.Tags[fixture.Host+name] = v.root
		names = append(names, name)
	}
	plan, rep := v.export(t, func(req *bundle.Request) { req.Limits.Signatures = 20 }, names...)
	if failed := fixture.Failed(rep); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	carried, left := 0, 0
	for _, img := range plan.Inventory.Images {
		carried += len(img.Evidence)
		left += len(img.LeftOut)
	}
	if carried != 20*20 || carried+left != 60*10 {
		t.Errorf("%d pieces of evidence are carried and %d left out", carried, left)
	}
}

// TestNobodysVetoOverMemory exceeds the budget for metadata with what costs less than a
// signature does.
func TestNobodysVetoOverMemory(t *testing.T) {
	v := newVetoed(t)
	for i := range 400 {
		v.hang(v.root, oci.TypeSimpleSigning, fmt.Append(nil, i), 1)
	}
	plan, rep := v.export(t, func(req *bundle.Request) { req.Limits.Metadata = 200_000 }, "unsigned:v1")
	if failed := fixture.Failed(rep); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	if n := len(plan.Inventory.Images[0].Evidence); n < 20 || n > 400 {
		t.Errorf("%d pieces of evidence are carried", n)
	}
}

// TestNobodysVetoOverTheInventory wants evidence to give way where the inventory cannot
// list all of it.
func TestNobodysVetoOverTheInventory(t *testing.T) {
	v := newVetoed(t)
	for i := range 400 {
		v.hang(v.root, oci.TypeSimpleSigning, fmt.Append(nil, i), 1)
	}
	for name, change := range map[string]func(*bundle.Request){
		"inventory": func(req *bundle.Request) { req.Limits.Inventory = 60_000 },
		"index":     func(req *bundle.Request) { req.Limits.Index = 30_000 },
	} {
		plan, rep := v.export(t, change, "unsigned:v1")
		if failed := fixture.Failed(rep); len(failed) > 0 {
			t.Errorf("%s: failed: %v", name, failed)
		}
		if n := len(plan.Inventory.Images[0].Evidence); n < 20 || n > 400 {
			t.Errorf("%s: %d pieces of evidence are carried", name, n)
		}
	}
}

// TestAnotherSizeDisplacesNothing wants a descriptor that gives the blob of a signature
// another size to be left out, and not the signature.
func TestAnotherSizeDisplacesNothing(t *testing.T) {
	for _, more := range []int64{-1, 1, 1000} {
		v := newVetoed(t)
		tag := v.Tags[vetoedImage+":sha256-"+v.root.Digest.Hex()+".sig"]
		var signature oci.Manifest
		if err := json.Unmarshal(v.Blobs[tag.Digest], &signature); err != nil {
			t.Fatal(err)
		}
		blob := v.Blobs[signature.Layers[0].Digest]
		delete(v.Tags, vetoedImage+":sha256-"+v.root.Digest.Hex()+".sig")
		v.Tags[vetoedImage+":sha256-"+v.root.Digest.Hex()+".att"] = tag // which is looked at later
		junk := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}`, oci.TypeManifest,
			fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2),
			fixture.Describe(oci.TypeSimpleSigning, signature.Layers[0].Digest, int64(len(blob))+more))
		v.Push(vetoedImage, "sha256-"+v.root.Digest.Hex()+".sig", oci.TypeManifest, []byte(junk))
		_, rep := v.export(t, func(*bundle.Request) {}, "unsigned:v1")
		if failed := fixture.Failed(rep); len(failed) > 0 {
			t.Errorf("%+d: failed: %v", more, failed)
		}
	}
}

// TestALayerOfTheImageKeepsItsSize wants evidence that lists a layer of the image, and
// gives way, not to open the way for evidence that gives the layer another size.
func TestALayerOfTheImageKeepsItsSize(t *testing.T) {
	v := newVetoed(t)
	var image oci.Manifest
	if err := json.Unmarshal(v.Blobs[v.root.Digest], &image); err != nil {
		t.Fatal(err)
	}
	layer := v.Blobs[image.Layers[0].Digest]
	for i := range 60 {
		v.hang(v.root, oci.TypeInToto, paddedStatement(20_000+i), 1)
	}
	v.hang(v.root, oci.TypeInToto, layer, 400)
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"application/x-n","config":%s,"layers":[%s],`+
		`"subject":%s}`, oci.TypeManifest, fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2),
		fixture.Describe("application/x-n", image.Layers[0].Digest, oci.MaxJudgedEvidence+1),
		fixture.Describe(v.root.MediaType, v.root.Digest, v.root.Size))
	v.list = append(v.list, v.Push(vetoedImage, "", oci.TypeManifest, []byte(raw)))
	_, rep := v.export(t, func(req *bundle.Request) { req.Limits.Metadata = 400_000 }, "unsigned:v1")
	if failed := fixture.Failed(rep); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
}
