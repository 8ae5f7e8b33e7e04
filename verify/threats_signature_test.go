package verify_test

import (
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

const (
	annSignature = "dev.cosignproject.cosign/signature"
	annRekor     = "dev.sigstore.cosign/bundle"
)

// one is a single signature made with these stages.
func one(s fixture.Stages) []fixture.Stages { return []fixture.Stages{s} }

func payload(change func([]byte) []byte) []fixture.Stages {
	return one(fixture.Stages{Payload: change})
}

func encoded(change func(string) string) []fixture.Stages {
	return one(fixture.Stages{Encode: change})
}

func der(r, s *big.Int) []byte {
	b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		panic(err)
	}
	return b
}

// points decodes a signature.
func points(sig []byte) (r, s *big.Int) {
	var p struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &p); err != nil {
		panic(err)
	}
	return p.R, p.S
}

func derived(change func(r, s *big.Int) []byte) []fixture.Stages {
	return one(fixture.Stages{Signature: func(sig []byte) []byte { return change(points(sig)) }})
}

func TestSignatureThreats(t *testing.T) {
	other := string(fixture.NewRegistry().RootOf("app:v2"))
	mine := string(fixture.NewRegistry().RootOf("unsigned:v1"))
	digestName := `"docker-manifest-digest":"` + mine + `"`
	threats(t, "signature", []threat{
		{name: "no signature for image", forge: func(f *fixture.Forge) { f.Unsign(0) }, want: "signature.present"},
		{name: "signature of other image (payload digest differs)", signed: payload(fixture.Swap(mine, other)), want: "signature.claims"},
		{name: "payload duplicate docker-manifest-digest, good first", signed: payload(fixture.Swap(digestName, digestName+`,"docker-manifest-digest":"`+other+`"`)), want: "signature.claims"},
		{name: "payload duplicate docker-manifest-digest, good last", signed: payload(fixture.Swap(digestName, `"docker-manifest-digest":"`+other+`",`+digestName)), want: "signature.claims"},
		{name: "payload case-variant docker-manifest-digest", signed: payload(fixture.Swap(digestName, digestName+`,"Docker-Manifest-Digest":"`+other+`"`)), want: "signature.claims"},
		{name: "payload case-variant by the Kelvin sign", signed: payload(fixture.Swap(digestName, digestName+",\"doc\u212aer-manifest-digest\":\""+other+`"`)), want: "signature.claims"},
		{name: "payload with two critical", signed: payload(fixture.Swap(`{"critical":`, `{"critical":{},"critical":`)), want: "signature.claims"},
		{name: "payload digest in upper case", signed: payload(fixture.Swap(mine, "sha256:"+strings.ToUpper(mine[7:]))), want: "signature.claims"},
		{name: "payload digest by sha512 only", signed: payload(fixture.Swap(mine, "sha512:"+mine[7:]+mine[7:])), want: "signature.claims"},
		{name: "payload with trailing data", signed: payload(func(b []byte) []byte { return append(b, "{}"...) }), want: "signature.claims"},
		{name: "payload with a byte order mark", signed: payload(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }), want: "signature.claims"},
		{name: "payload that is no JSON", signed: payload(func([]byte) []byte { return []byte("signed") }), want: "signature.claims"},
		{name: "payload that nests 10k deep", signed: payload(fixture.Swap(`"optional":null`, `"optional":{"a":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`)), want: "signature.claims"},
		{name: "critical.type not 'cosign container image signature' (cosign ignores)", signed: payload(fixture.Swap("cosign container image signature", "atomic container signature")), want: "signature.claims"},
		{name: "critical.type missing", signed: payload(fixture.Swap(`"type":"cosign container image signature"`, `"typ":""`)), want: "signature.claims"},
		{name: "base64 with newline", signed: encoded(func(s string) string { return s[:20] + "\n" + s[20:] })},
		{name: "base64 with carriage return at the end", signed: encoded(func(s string) string { return s + "\r\n" })},
		{name: "base64 with whitespace", signed: encoded(func(s string) string { return " " + s }), want: "signature.encoding"},
		{name: "base64 with non-canonical bits", signed: signedUntil(padded, looseBits), want: "signature.encoding"},
		{name: "base64 without padding", signed: signedUntil(padded, func(s string) string { return strings.TrimRight(s, "=") })},
		{name: "base64 in the URL alphabet", signed: signedUntil(func(s string) bool { return strings.ContainsAny(s, "/+") }, strings.NewReplacer("/", "_", "+", "-").Replace)},
		{name: "DER trailing bytes", signed: one(fixture.Stages{Signature: func(b []byte) []byte { return append(b, 0) }}), want: "signature.encoding"},
		{name: "DER r=0", signed: derived(func(r, s *big.Int) []byte { return der(new(big.Int), s) }), want: "signature.encoding"},
		{name: "DER negative", signed: derived(func(r, s *big.Int) []byte { return der(new(big.Int).Neg(r), s) }), want: "signature.encoding"},
		{name: "P1363 encoding", signed: derived(func(r, s *big.Int) []byte {
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}), want: "signature.encoding"},
		{name: "DER with a third integer", signed: derived(func(r, s *big.Int) []byte {
			b, _ := asn1.Marshal(struct{ R, S, X *big.Int }{r, s, big.NewInt(1)})
			return b
		}), want: "signature.encoding"},
		{name: "r beyond the order of the curve", signed: derived(func(r, s *big.Int) []byte { return der(new(big.Int).Add(r, elliptic.P256().Params().N), s) }), want: "signature.crypto"},
		{name: "signature annotation missing", signed: one(fixture.Stages{Annotations: func(m map[string]string) { delete(m, annSignature) }}), want: "signature.encoding"},
		{name: "signature annotation empty", signed: one(fixture.Stages{Annotations: func(m map[string]string) { m[annSignature] = "" }}), want: "signature.encoding"},
		{name: "signature over another payload", signed: one(fixture.Stages{Signature: func([]byte) []byte {
			b, _ := base64.StdEncoding.DecodeString(fixture.Signed(publisher().Key, []byte("another")))
			return b
		}}), want: "signature.crypto"},
		{name: "an annotation that cosign does not write", signed: one(fixture.Stages{Annotations: func(m map[string]string) { m["note"] = "covert" }})},
		{name: "a manifest annotation, which nothing signs", signed: one(fixture.Stages{Manifest: fixture.Swap(`"schemaVersion":2`, `"annotations":{"note":"covert"},"schemaVersion":2`)})},
		{name: "a layer descriptor that says more", signed: one(fixture.Stages{Layer: func(d *oci.Descriptor) { d.ArtifactType = "covert" }})},
		{name: "a subject that is another image", signed: one(fixture.Stages{Manifest: fixture.Swap(`"schemaVersion":2`, `"schemaVersion":2,"subject":{"mediaType":"`+oci.TypeManifest+`","digest":"`+other+`","size":7}`)}), want: "signature.claims"},
		{name: "a config full of content, called empty", forge: fatConfig, want: "signature.encoding"},
		{name: "docker-reference empty", signed: payload(fixture.Swap(`"docker-reference":"`+fixture.Host+`unsigned"`, `"docker-reference":""`)), want: "signature.docker-reference"},
		{name: "docker-reference that is no reference", signed: one(fixture.Stages{Reference: "../../etc/passwd"}), want: "signature.docker-reference"},
		{name: "docker-reference of another repository", signed: one(fixture.Stages{Reference: fixture.Host + "evil"}), want: "signature.docker-reference"},
		{name: "docker-reference of another registry", signed: one(fixture.Stages{Reference: "registry.example.org/acme/unsigned"}), want: "signature.docker-reference"},
		{name: "docker-reference that only begins alike", signed: one(fixture.Stages{Reference: fixture.Host + "unsigned2"}), want: "signature.docker-reference"},
		{name: "docker-reference with another tag", signed: one(fixture.Stages{Reference: fixture.Host + "unsigned:v2"}), want: "signature.docker-reference"},
		{name: "docker-reference with another digest", signed: one(fixture.Stages{Reference: fixture.Host + "unsigned@" + other}), want: "signature.docker-reference"},
		{name: "docker-reference with this tag", signed: one(fixture.Stages{Reference: fixture.Host + "unsigned:v1"}), warn: "policy.reference-unbound"},
		{name: "docker-reference with this digest", signed: one(fixture.Stages{Reference: fixture.Host + "unsigned@" + mine}), warn: "policy.reference-unbound"},
		{name: "unknown names in the payload are signed, too", signed: payload(fixture.Swap(`"critical":{`, `"critical":{"more":1,`)), warn: "policy.reference-unbound"},
	})
}

// signedUntil signs until the base64 is what a case needs: signatures are random.
func signedUntil(ok func(base64 string) bool, encode func(string) string) []fixture.Stages {
	var payload []byte
	return one(fixture.Stages{Encode: encode,
		Payload: func(b []byte) []byte { payload = b; return b },
		Signature: func([]byte) []byte {
			for {
				if s := fixture.Signed(publisher().Key, payload); ok(s) {
					b, _ := base64.StdEncoding.DecodeString(s)
					return b
				}
			}
		}})
}

func padded(s string) bool { return strings.HasSuffix(s, "=") }

// looseBits sets one of the unused bits at the end of the base64.
func looseBits(s string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(s, "=")
	last := strings.IndexByte(digits, body[len(body)-1])
	return body[:len(body)-1] + string(digits[last|1]) + s[len(body):]
}

// fatConfig replaces the empty config by content.
func fatConfig(f *fixture.Forge) {
	ev := f.Inventory.Images[0].Evidence[0]
	fat := f.Add([]byte(`{"covert":"content"}`))
	f.Edit(ev.Digest, func(s string) string { return emptyConfig(s, fat, 20) })
}

// emptyConfig gives a manifest a config of the type of the empty one.
func emptyConfig(manifest string, d oci.Digest, size int) string {
	a := strings.Index(manifest, `"config":{`)
	z := a + strings.Index(manifest[a:], "}") + 1
	return manifest[:a] + `"config":{"mediaType":"` + oci.TypeEmpty + `","digest":"` + string(d) + `","size":` + strconv.Itoa(size) + `}` + manifest[z:]
}

func TestPayloadBlobThreats(t *testing.T) {
	threats(t, "blob", []threat{
		{name: "layer digest of payload wrong vs payload blob", forge: func(f *fixture.Forge) {
			d := payloadOf(f, 0)
			f.Blobs[d] = []byte(strings.Replace(string(f.Blobs[d]), "cosign", "cosigm", 1))
		}, want: "blob.digest"},
	})
	threats(t, "layout", []threat{
		{name: "payload blob missing", forge: func(f *fixture.Forge) { delete(f.Blobs, payloadOf(f, 0)) }, want: "layout.missing"},
		{name: "signature manifest missing", forge: func(f *fixture.Forge) { delete(f.Blobs, f.Inventory.Images[0].Evidence[0].Digest) }, want: "layout.missing"},
		{name: "signature listed as another kind", forge: func(f *fixture.Forge) { f.Inventory.Images[0].Evidence[0].Kind = oci.KindAttestation }, want: "layout.inventory signature.present"},
		{name: "signature listed twice", forge: func(f *fixture.Forge) {
			ev := &f.Inventory.Images[0].Evidence
			*ev, f.KeepOrder = append(*ev, (*ev)[0]), true
		}, want: "layout.inventory"},
		{name: "image listed twice under one reference", forge: func(f *fixture.Forge) { f.Inventory.Images = append(f.Inventory.Images, f.Inventory.Images[0]) }, want: "layout.inventory"},
		{name: "key listed twice", forge: func(f *fixture.Forge) { f.Inventory.Keys = append(f.Inventory.Keys, f.Inventory.Keys[0]) }, want: "layout.inventory"},
		{name: "no image at all", forge: func(f *fixture.Forge) { f.Inventory.Images = []bundle.Image{} }, want: "layout.inventory"},
	})
}

// payloadOf returns the digest of the first payload of image i.
func payloadOf(f *fixture.Forge, i int) oci.Digest {
	m, _ := oci.ParseManifest(f.Blobs[f.Inventory.Images[i].Evidence[0].Digest], oci.TypeManifest)
	return m.Layers[0].Digest
}

func TestSignatureKeyThreats(t *testing.T) {
	unpinned := fixture.NewSigner(t)
	threats(t, "trust", []threat{
		{name: "valid signature under other key only", signed: one(fixture.Stages{Key: unpinned.Key}), want: "trust.key"},
	})
}

func TestAnnotationThreats(t *testing.T) {
	demand := func(k, v string) func(*verify.Options) {
		return func(o *verify.Options) { o.Annotations = map[string]string{k: v} }
	}
	with := func(v any) []fixture.Stages { return one(fixture.Stages{Optional: map[string]any{"repo": v}}) }
	threats(t, "policy", []threat{
		{name: "annotation required by policy missing", opt: demand("repo", "acme"), want: "policy.annotations"},
		{name: "annotation with another value", signed: with("evil"), opt: demand("repo", "acme"), want: "policy.annotations"},
		{name: "annotation that only begins alike", signed: with("acme2"), opt: demand("repo", "acme"), want: "policy.annotations"},
		{name: "annotation in another case", signed: with("Acme"), opt: demand("repo", "acme"), want: "policy.annotations"},
		{name: "annotation whose name is in another case", signed: with("acme"), opt: demand("Repo", "acme"), want: "policy.annotations"},
		{name: "empty annotation demanded, none there", opt: demand("repo", ""), want: "policy.annotations"},
		{name: "number where a string was demanded", signed: with(1), opt: demand("repo", "1"), want: "policy.annotations"},
		{name: "null where a string was demanded", signed: with(nil), opt: demand("repo", "null"), want: "policy.annotations"},
		{name: "the annotation is there", signed: with("acme"), opt: demand("repo", "acme"), warn: "policy.reference-unbound"},
		{name: "the empty annotation is there", signed: with(""), opt: demand("repo", ""), warn: "policy.reference-unbound"},
		{name: "an escaped annotation is what it says", signed: with("a\"b\u202e"), opt: demand("repo", "a\"b\u202e"), warn: "policy.reference-unbound"},
	})
}
