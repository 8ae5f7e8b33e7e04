package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/protobuf-specs/gen/pb-go/dsse"

	"github.com/gapseal/gapseal/internal/fixture"
)

// The predicates of attestations.
const (
	predicateVuln = "https://cosign.sigstore.dev/attestation/vuln/v1"
	predicateSBOM = "https://spdx.dev/Document"
	predicateSLSA = "https://slsa.dev/provenance/v1"
)

// statement changes the statement before it is signed and logged.
func statement(change func([]byte) []byte) fixture.BundleStages {
	return fixture.BundleStages{Claim: func(m *fixture.Making) { m.Payload = change(m.Payload) }}
}

// claims makes a statement of another predicate.
func claims(predicateType string) fixture.BundleStages {
	return fixture.BundleStages{Claim: func(m *fixture.Making) { m.Payload = fixture.Statement(m.Image, predicateType) }}
}

func finished(of fixture.Flavour, change func(*bundlepb.Bundle)) fixture.BundleStages {
	return fixture.BundleStages{Flavour: of, Bundle: func(m *fixture.Making) { change(m.Bundle) }}
}

func bundleText(change func([]byte) []byte) fixture.BundleStages {
	return fixture.BundleStages{Text: change}
}

// unsignedDigest is the image that all cases are about.
func unsignedDigest() string { return string(fixture.NewRegistry().RootOf("unsigned:v1")) }

func TestEnvelopeThreats(t *testing.T) {
	again := func(m *fixture.Making) {
		other := *m
		other.Sign()
		env := m.Bundle.GetDsseEnvelope()
		env.Signatures = append(env.Signatures, &dsse.Signature{Sig: other.Signature})
	}
	unpinned := func(m *fixture.Making) {
		other := *m
		other.Key = fixture.NewSigstore(t).Key
		other.Sign()
		env := m.Bundle.GetDsseEnvelope()
		env.Signatures = append([]*dsse.Signature{{Sig: other.Signature}}, env.Signatures...)
	}
	payloadType := func(s string) fixture.BundleStages {
		return fixture.BundleStages{Claim: func(m *fixture.Making) { m.Type = s }}
	}
	inDER := func(change func(r, s *big.Int) []byte) fixture.BundleStages {
		return fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature = change(points(m.Signature)) }}
	}
	modernThreats(t, "signature", []modern{
		{name: "DSSE payloadType other than in-toto", made: payloadType("text/plain"), want: "signature.claims"},
		{name: "DSSE payloadType of simple signing", made: payloadType("application/vnd.dev.cosign.simplesigning.v1+json"), want: "signature.claims"},
		{name: "DSSE payloadType in another case", made: payloadType("application/vnd.in-toto+JSON"), want: "signature.claims"},
		{name: "DSSE payloadType empty", made: payloadType(""), want: "signature.claims"},
		{name: "DSSE payloadType changed after it was signed", made: finished(rekor1, func(b *bundlepb.Bundle) { b.GetDsseEnvelope().PayloadType = "text/plain" }), want: "signature.claims"},
		{name: "DSSE with 2 signatures, both good", made: fixture.BundleStages{Bundle: again}, want: "signature.encoding"},
		{name: "DSSE with 2 signatures, one of an unpinned key first", made: fixture.BundleStages{Bundle: unpinned}, want: "signature.encoding"},
		{name: "DSSE with no signature", made: finished(rekor1, func(b *bundlepb.Bundle) { b.GetDsseEnvelope().Signatures = nil }), want: "signature.encoding"},
		{name: "DSSE with an empty signature", made: finished(rekor1, func(b *bundlepb.Bundle) { b.GetDsseEnvelope().Signatures[0].Sig = nil }), want: "signature.encoding"},
		{name: "signature over the payload, not its envelope", want: "signature.crypto", made: fixture.BundleStages{Signature: func(m *fixture.Making) {
			m.Signature, _ = base64.StdEncoding.DecodeString(fixture.Signed(m.Key, m.Payload))
		}}},
		{name: "signature over another payload", want: "signature.crypto", made: fixture.BundleStages{Signature: func(m *fixture.Making) {
			other := *m
			unrelated(&other)
			m.Signature = other.Signature
		}}},
		{name: "signature by SHA-512", want: "signature.crypto", made: fixture.BundleStages{Signature: func(m *fixture.Making) {
			sum := sha512.Sum512(m.Message())
			m.Signature, _ = ecdsa.SignASN1(rand.Reader, m.Key, sum[:])
		}}},
		{name: "DER trailing bytes", made: fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature = append(m.Signature, 0) }}, want: "signature.encoding"},
		{name: "DER r=0", made: inDER(func(_, s *big.Int) []byte { return der(new(big.Int), s) }), want: "signature.encoding"},
		{name: "P1363 encoding", made: inDER(func(r, s *big.Int) []byte {
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}), want: "signature.encoding"},
		{name: "hint at another key", made: finished(rekor1, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.GetPublicKey().Hint = base64.StdEncoding.EncodeToString(make([]byte, 32))
		})},
		{name: "the envelope hints at another key than the bundle", made: finished(rekor1, func(b *bundlepb.Bundle) { b.GetDsseEnvelope().Signatures[0].Keyid = "key" })},
		{name: "neither key nor certificate", made: finished(rekor1, func(b *bundlepb.Bundle) { b.VerificationMaterial.Content = nil }), want: "signature.encoding"},
		{name: "neither envelope nor message", made: finished(rekor1, func(b *bundlepb.Bundle) { b.Content = nil }), want: "signature.encoding"},
		{name: "a version within that is not the media type's", made: finished(rekor1, func(b *bundlepb.Bundle) { b.MediaType = "application/vnd.dev.sigstore.bundle+json;version=0.2" }), want: "signature.encoding"},
		{name: "bundle with a duplicate key", made: bundleText(fixture.Swap(`"mediaType":`, `"mediaType":"x","mediaType":`)), want: "signature.encoding"},
		{name: "bundle with a case variant", made: bundleText(fixture.Swap(`"payloadType"`, `"PayloadType"`)), want: "signature.encoding"},
		{name: "bundle with an alias of a name", made: bundleText(fixture.Swap(`"dsseEnvelope"`, `"dsse_envelope"`))},
		{name: "bundle with both kinds of content", made: bundleText(fixture.Swap(`"dsseEnvelope"`, `"messageSignature":{},"dsseEnvelope"`)), want: "signature.encoding"},
		{name: "bundle with trailing data", made: bundleText(func(b []byte) []byte { return append(b, "{}"...) }), want: "signature.encoding"},
		{name: "bundle with base64 of the other alphabet or loose", made: bundleText(func(b []byte) []byte { return bytes.Replace(b, []byte(`"payload":"`), []byte(`"payload":"\n`), 1) })},
		{name: "bundle is empty", made: bundleText(func([]byte) []byte { return []byte("{}") }), want: "signature.encoding"},
	})
}

func TestStatementThreats(t *testing.T) {
	mine := unsignedDigest()
	other := string(fixture.NewRegistry().RootOf("app:v2"))
	digest := `"digest":{"sha256":"` + mine[7:] + `"}`
	wide := sha512.Sum512(fixture.NewRegistry().Blobs[fixture.NewRegistry().RootOf("unsigned:v1")])
	swapped := func(to string) fixture.BundleStages { return statement(fixture.Swap(digest, to)) }
	modernThreats(t, "signature", []modern{
		{name: "subject of other image", made: swapped(strings.Replace(digest, mine[7:], other[7:], 1)), want: "signature.claims"},
		{name: "only sha512 in subject", made: swapped(`"digest":{"sha512":"` + hex.EncodeToString(wide[:]) + `"}`), want: "signature.claims"},
		{name: "unknown algorithm in subject", made: swapped(`"digest":{"sha257":"` + mine[7:] + `"}`), want: "signature.claims"},
		{name: "algorithm in another case", made: swapped(`"digest":{"SHA256":"` + mine[7:] + `"}`), want: "signature.claims"},
		{name: "uppercase hex", made: swapped(`"digest":{"sha256":"` + strings.ToUpper(mine[7:]) + `"}`), want: "signature.claims"},
		{name: "one digit in upper case", made: statement(func(b []byte) []byte { return upperDigit(b, mine[7:]) }), want: "signature.claims"},
		{name: "digest with its algorithm in front", made: swapped(`"digest":{"sha256":"` + mine + `"}`), want: "signature.claims"},
		{name: "sha256 beside sha512", made: swapped(`"digest":{"sha256":"` + mine[7:] + `","sha512":"` + hex.EncodeToString(wide[:]) + `"}`)},
		{name: "sha256 twice, good first", made: swapped(`"digest":{"sha256":"` + mine[7:] + `","sha256":"` + other[7:] + `"}`), want: "signature.claims"},
		{name: "sha256 twice, good last", made: swapped(`"digest":{"sha256":"` + other[7:] + `","sha256":"` + mine[7:] + `"}`), want: "signature.claims"},
		{name: "subject twice", made: statement(fixture.Swap(`{`+digest+`}`, `{`+digest+`},{`+digest+`}`)), want: "signature.claims"},
		{name: "no subject", made: statement(fixture.Swap(`{`+digest+`}`, ``)), want: "signature.claims"},
		{name: "subject is a case variant", made: statement(fixture.Swap(`"subject"`, `"Subject"`)), want: "signature.claims"},
		{name: "subject by the long s", made: statement(fixture.Swap(`"subject"`, "\"\u017fubject\"")), want: "signature.claims"},
		{name: "subject of a name that hides the digest", made: statement(fixture.Swap(digest, `"name":"`+mine+`","digest":{}`)), want: "signature.claims"},
		{name: "statement of another type", made: statement(fixture.Swap("Statement/v1", "Statement/v2")), want: "signature.claims"},
		{name: "statement with another member", made: statement(fixture.Swap(`"predicate":`, `"extra":1,"predicate":`)), want: "signature.claims"},
		{name: "two predicate types", made: statement(fixture.Swap(`"predicateType":`, `"predicateType":"`+predicateVuln+`","predicateType":`)), want: "signature.claims"},
		{name: "predicate that is no object (CVE-2026-39395)", made: statement(fixture.Swap(`"predicate":{}`, `"predicate":"{}"`)), want: "signature.claims"},
		{name: "predicate that cannot be parsed", made: statement(fixture.Swap(`"predicate":{}`, `"predicate":{`)), want: "signature.claims"},
		{name: "trailing data", made: statement(func(b []byte) []byte { return append(b, "{}"...) }), want: "signature.claims"},
		{name: "byte order mark", made: statement(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }), want: "signature.claims"},
		{name: "a payload of simple signing", made: statement(func([]byte) []byte {
			return []byte(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"` + mine + `"},"type":"cosign container image signature"},"optional":null}`)
		}), want: "signature.claims"},
	})
}

func upperDigit(b []byte, digits string) []byte {
	at := strings.IndexAny(digits, "abcdef")
	return fixture.Swap(digits, digits[:at]+strings.ToUpper(digits[at:at+1])+digits[at+1:])(b)
}

func TestMessageSignatureThreats(t *testing.T) {
	digest := func(change func(*common.HashOutput)) fixture.BundleStages {
		return finished(message, func(b *bundlepb.Bundle) { change(b.GetMessageSignature().MessageDigest) })
	}
	modernThreats(t, "signature", []modern{
		{name: "message signature over another image", want: "signature.crypto rekor.payload", made: fixture.BundleStages{Flavour: message, Claim: func(m *fixture.Making) {
			m.Payload = fixture.NewRegistry().Blobs[fixture.NewRegistry().RootOf("app:v2")]
		}, Bundle: func(m *fixture.Making) { m.Bundle.GetMessageSignature().MessageDigest.Digest = digestBytes() }}},
		{name: "message signature over another image, and says so", want: "signature.claims signature.crypto rekor.payload", made: fixture.BundleStages{Flavour: message, Claim: func(m *fixture.Making) {
			m.Payload = fixture.NewRegistry().Blobs[fixture.NewRegistry().RootOf("app:v2")]
		}}},
		{name: "message digest flipped", made: digest(func(h *common.HashOutput) { h.Digest[0] ^= 1 }), want: "signature.claims"},
		{name: "message digest by SHA-512 only", made: digest(func(h *common.HashOutput) {
			sum := sha512.Sum512(nil)
			h.Algorithm, h.Digest = common.HashAlgorithm_SHA2_512, sum[:]
		}), want: "signature.encoding"},
		{name: "no message digest", made: finished(message, func(b *bundlepb.Bundle) { b.GetMessageSignature().MessageDigest = nil }), want: "signature.encoding"},
		{name: "empty signature", made: finished(message, func(b *bundlepb.Bundle) { b.GetMessageSignature().Signature = nil }), want: "signature.encoding"},
	})
}

func digestBytes() []byte {
	b, _ := hex.DecodeString(unsignedDigest()[7:])
	return b
}

// flipSignature breaks the signature where it is stored, not where it is logged.
func flipSignature(b *bundlepb.Bundle) {
	sig := bytes.Clone(b.GetDsseEnvelope().Signatures[0].Sig)
	sig[len(sig)-1] ^= 1
	b.GetDsseEnvelope().Signatures[0].Sig = sig
}
