package bombs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

const typeDSSE = "application/vnd.dsse.envelope.v1+json"

// evidenceBombs are made of signatures and attestations.
func evidenceBombs() []Bomb {
	payload := func() string { return strings.Repeat("A", 15<<20) }
	large := func() []byte {
		return []byte(`{"mediaType":"` + fixture.TypeSigstoreBundle + `","verificationMaterial":` +
			`{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payloadType":"` + oci.TypeInToto +
			`","payload":"` + payload() +
			`","signatures":[{"sig":"AAAA"}]}}`)
	}
	envelope := func() []byte {
		return []byte(`{"payloadType":"` + oci.TypeInToto + `","payload":"` + payload() +
			`","signatures":[{"sig":"AAAA"}]}`)
	}
	statement := func() []byte {
		return []byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[],"predicate":{"a":"` +
			payload() + `"}}`)
	}
	return []Bomb{
		{"a Sigstore bundle of 15 MiB",
			listed(fixture.TypeSigstoreBundle, oci.KindBundle, large, 1, 1), "signature.encoding"},
		{"the same listed 900 times",
			listed(fixture.TypeSigstoreBundle, oci.KindBundle, large, 900, 1), "limit.metadata"},
		{"the same in 900 manifests",
			listed(fixture.TypeSigstoreBundle, oci.KindBundle, large, 1, 900), "limit.metadata"},
		{"an envelope of 15 MiB listed 900 times",
			listed(typeDSSE, oci.KindAttestation, envelope, 900, 1), "limit.metadata"},
		{"a statement of 15 MiB listed 900 times",
			listed(oci.TypeInToto, oci.KindInToto, statement, 900, 1), "limit.metadata"},
		{"three envelopes of 15 MiB under 20 names",
			renamed(listedForge(typeDSSE, oci.KindAttestation, envelope, 1, 3), 20), "limit.metadata"},
		{"5 million subjects",
			listed(oci.TypeInToto, oci.KindInToto, dense(`{"_type":"https://in-toto.io/Statement/v1",`+
				`"predicateType":"x","subject":[`, "{},", `],"predicate":{}}`), 1, 1), "signature.present"},
		{"5 million signatures in an envelope", listed(typeDSSE, oci.KindAttestation, dense(
			`{"payloadType":"`+oci.TypeInToto+`","payload":"AAAA","signatures":[`, "{},", `]}`), 1, 1),
			"signature.present"},
		{"5 million log entries", listed(fixture.TypeSigstoreBundle, oci.KindBundle, dense(`{"mediaType":"`+
			fixture.TypeSigstoreBundle+`","verificationMaterial":{"publicKey":{"hint":"x"},"tlogEntries":[`, "{},",
			`]},"dsseEnvelope":{}}`), 1, 1), "limit.log-entry"},
		{"a predicate of 5 million empty objects", listed(oci.TypeInToto, oci.KindInToto, dense(
			`{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[],"predicate":{"a":[`, "{},",
			`]}}`), 1, 1),
			"signature.present"},
		{"32 log entries of a payload of 15 MiB, three times", logged(payload, 32, 3), "signature.encoding"},
		{"7,000 images with 2 signatures each", honest(7_000, 2, nil), ""},
		{"9,000 names for an image with 2 good signatures", names(9_000, 2, false), ""},
		{"the same images under a policy of 1,500 rules",
			honest(7_000, 2, func(f *fixture.Signer, dir string) []string { return policy(f, dir, 1_500) }), ""},
		{"20 names for an image with 999 good signatures", names(20, 999, false), ""},
		{"20 names for an image with 999 signatures by another key", names(20, 999, true), "signature.crypto"},
		{"the same with 100 pinned keys", keyed(names(20, 999, true), 100), "limit.signatures"},
		{"timestamps and certificates, 1,000 bundles of them", stamped(), "limit.signatures"},
	}
}

// dense returns a document of about 15 MiB.
func dense(head, item, tail string) func() []byte {
	return func() []byte {
		return []byte(head + strings.TrimSuffix(strings.Repeat(item, 15<<20/len(item)), ",") + tail)
	}
}

// listed lists a blob n times in each of several manifests.
func listed(mediaType string, kind oci.Kind, blob func() []byte, n, manifests int) maker {
	return func(t testing.TB, dir string) ([]byte, []string) {
		f := listedForge(mediaType, kind, blob, n, manifests)(t)
		return f.Build(), sampleKeys
	}
}

// sampleKeys are the keys of the bundles of testdata.
var sampleKeys = []string{"--key", "KEYS/cosign.pub", "--rekor-key", "KEYS/rekor.pub"}

func listedForge(
	mediaType string, kind oci.Kind, blob func() []byte, n, manifests int,
) func(testing.TB) *fixture.Forge {
	return func(t testing.TB) *fixture.Forge {
		f := forge(t)
		f.Unsign(0)
		raw := blob()
		layer := fixture.Describe(mediaType, f.Add(raw), int64(len(raw)))
		list := strings.TrimSuffix(strings.Repeat(layer+",", n), ",")
		for i := range manifests {
			refer(f, 0, kind, mediaType, fmt.Sprintf(`"layers":[%s],"annotations":{"n":"%d"}`, list, i))
		}
		return f
	}
}

// refer adds a referrer of image i.
func refer(f *fixture.Forge, i int, kind oci.Kind, artifactType, members string) {
	img := &f.Inventory.Images[i]
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"%s","config":%s,%s,"subject":%s}`,
		oci.TypeManifest, artifactType, fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2), members,
		fixture.Describe(img.MediaType, img.Digest, img.Size))
	f.AddEvidence(i, kind, f.Add([]byte(raw)), img.Digest)
}

// renamed lists the image of a bundle under n names.
func renamed(make func(testing.TB) *fixture.Forge, n int) maker {
	return func(t testing.TB, _ string) ([]byte, []string) {
		f := make(t)
		rename(f, n)
		return f.Build(), sampleKeys
	}
}

func rename(f *fixture.Forge, n int) {
	img := f.Inventory.Images[0]
	f.Inventory.Images = []bundle.Image{}
	for i := range n {
		img.Reference = fmt.Sprintf("%sapp:t%05d", fixture.Host, i)
		f.Inventory.Images = append(f.Inventory.Images, img)
	}
}

// logged is a large attestation with n log entries of its own, in each of several
// manifests.
func logged(payload func() string, n, manifests int) maker {
	body := base64.StdEncoding.EncodeToString([]byte(`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":` +
		`{"hash":{"algorithm":"sha256","value":"` + strings.Repeat("0", 64) +
		`"}},"signature":{"content":"AAAA","publicKey":` +
		`{"content":"AAAA"}}}}`))
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf(`{"logIndex":"%d","logId":{"keyId":"AAAA"},"kindVersion":`+
			`{"kind":"hashedrekord","version":"0.0.1"},"canonicalizedBody":"%s",`+
			`"inclusionProof":{"checkpoint":{"envelope":"x"}}}`,
			i, body))
	}
	raw := func() []byte {
		return []byte(`{"mediaType":"` + fixture.TypeSigstoreBundle + `","verificationMaterial":` +
			`{"publicKey":{"hint":"x"},"tlogEntries":[` + strings.Join(entries, ",") +
			`]},"dsseEnvelope":{"payloadType":"` + oci.TypeInToto +
			`","payload":"` + payload() + `","signatures":[{"sig":"AAAA"}]}}`)
	}
	return listed(fixture.TypeSigstoreBundle, oci.KindBundle, raw, 1, manifests)
}

// honest is a bundle of n different images, each with several good signatures.
func honest(n, signatures int, flags func(*fixture.Signer, string) []string) maker {
	return func(t testing.TB, dir string) ([]byte, []string) {
		f, s := forge(t), fixture.NewSigner(t)
		base := f.Inventory.Images[0]
		raw := f.Blobs[base.Digest]
		f.Inventory.Images, f.Inventory.Keys = []bundle.Image{}, []bundle.Key{}
		for i := range n {
			own := bytes.Replace(raw, []byte(`{`), fmt.Appendf(nil, `{"annotations":{"n":"%d"},`, i), 1)
			img := bundle.Image{Reference: fmt.Sprintf("%sapp%04d:v1", fixture.Host, i), Node: bundle.Node{
				MediaType: base.MediaType, Digest: f.Add(own), Size: int64(len(own))}, Omitted: []bundle.Omitted{}}
			f.Inventory.Images = append(f.Inventory.Images, img)
			s.SignForge(f, i, slices.Repeat([]fixture.Stages{{}}, signatures)...)
		}
		if flags == nil {
			return f.Build(), pinned(s, dir)
		}
		return f.Build(), flags(s, dir)
	}
}

// pinned writes the keys of a signer, and returns the flags that pin them.
func pinned(s *fixture.Signer, dir string) []string {
	return []string{"--key", write(dir, "key.pub", fixture.PEM(&s.Key.PublicKey)),
		"--rekor-key", write(dir, "log.pub", fixture.PEM(&s.Log.PublicKey))}
}

func write(dir, name string, raw []byte) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		panic(err)
	}
	return path
}

// policy is one of n rules, of which the last matches.
func policy(s *fixture.Signer, dir string, n int) []string {
	key := write(dir, "key.pub", fixture.PEM(&s.Key.PublicKey))
	var b strings.Builder
	b.WriteString("schema: gapseal.policy/v1\nimages:\n")
	for i := range n - 1 {
		fmt.Fprintf(&b, "- {match: %sb%d/*/x*y*z, digests: [\"%s\"]}\n", fixture.Host, i, oci.EmptyDigest)
	}
	fmt.Fprintf(&b, "- {match: %s*, keys: [{file: \"%s\"}]}\n", fixture.Host, key)
	return []string{"--policy", write(dir, "policy.yaml", []byte(b.String())),
		"--rekor-key", write(dir, "log.pub", fixture.PEM(&s.Log.PublicKey))}
}

// names gives one image many names, and signatures by the pinned key or by another.
func names(n, signatures int, foreign bool) maker {
	return func(t testing.TB, dir string) ([]byte, []string) {
		f, s := forge(t), fixture.NewSigner(t)
		other := fixture.NewSigner(t)
		f.Inventory.Keys = []bundle.Key{}
		stages := slices.Repeat([]fixture.Stages{{}}, signatures)
		if foreign {
			for i := range stages {
				stages[i].Key = other.Key
				stages[i].Body = func(b []byte) []byte {
					return bytes.Replace(b, []byte(`"content":"LS0t`), []byte(`"content":"LS1t`), 1)
				}
			}
		}
		f.Inventory.Images[0].Evidence = []bundle.Evidence{}
		s.SignForge(f, 0, stages...)
		rename(f, n)
		return f.Build(), pinned(s, dir)
	}
}

// keyed pins n more keys.
func keyed(make maker, n int) maker {
	return func(t testing.TB, dir string) ([]byte, []string) {
		raw, flags := make(t, dir)
		for i := range n {
			key := fixture.PEM(&fixture.NewSigner(t).Key.PublicKey)
			flags = append(flags, "--key", write(dir, fmt.Sprintf("key%d.pub", i), key))
		}
		return raw, flags
	}
}

// stamped has as many timestamps and certificates as a Sigstore bundle may have, and
// a thousand such bundles.
func stamped() maker {
	junk := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x30, 0x80}, 512))
	stamps := strings.TrimSuffix(strings.Repeat(`{"signedTimestamp":"`+junk+`"},`, 32), ",")
	certs := strings.TrimSuffix(strings.Repeat(`{"rawBytes":"`+junk+`"},`, 10), ",")
	raw := []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.2","verificationMaterial":` +
		`{"x509CertificateChain":{"certificates":[` + certs + `]},"timestampVerificationData":{"rfc3161Timestamps":[` +
		stamps + `]}},"dsseEnvelope":{"payloadType":"` + oci.TypeInToto + `","payload":"AAAA","signatures":` +
		`[{"sig":"AAAA"}]}}`)
	return listed("application/vnd.dev.sigstore.bundle+json;version=0.2", oci.KindBundle, func() []byte { return raw },
		1, 1_000)
}
