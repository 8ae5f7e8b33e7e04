package verify_test

import (
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// smuggled is content that an attacker hides where no signature covers it.
var smuggled = []byte(strings.Repeat("nothing signs this text. ", 40))

// TestHostileChain: certificates that no check reads prove nothing.
func TestHostileChain(t *testing.T) {
	junk := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: smuggled}))
	threats(t, "cert", []threat{{name: "a chain of no certificates", want: "cert.encoding",
		signed: []fixture.Stages{{Annotations: func(a map[string]string) { a["dev.sigstore.cosign/chain"] = junk }}}}})
}

// TestHostileToken: an RFC 3161 response has room for text that the authority does
// not sign.
func TestHostileToken(t *testing.T) {
	stamped := fixture.Flavour{Rekor2: true, Stamped: true}
	modernThreats(t, "tsa", []modern{
		{name: "status text", want: "tsa.timestamp", made: fixture.BundleStages{Flavour: stamped, Bundle: editToken(withStatusText)}},
		{name: "unsigned attribute", want: "tsa.timestamp", made: fixture.BundleStages{Flavour: stamped, Bundle: editToken(withUnsignedAttribute)}},
	})
}

func editToken(edit func([]byte) []byte) fixture.Stage {
	return func(m *fixture.Making) {
		stamps := m.Bundle.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps()
		stamps[0].SignedTimestamp = edit(stamps[0].GetSignedTimestamp())
	}
}

type response struct {
	Status asn1.RawValue
	Token  asn1.RawValue
}

func unmarshalDER(raw []byte, v any) {
	if _, err := asn1.Unmarshal(raw, v); err != nil {
		panic(err)
	}
}

func marshalDER(v any) []byte {
	raw, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// withStatusText adds a PKIFreeText to the PKIStatusInfo.
func withStatusText(raw []byte) []byte {
	var r response
	unmarshalDER(raw, &r)
	r.Status.FullBytes = marshalDER(struct {
		Code int
		Text []string
	}{0, []string{string(smuggled)}})
	return marshalDER(r)
}

// inside rebuilds the last element of each nested value down to depth.
func inside(raw []byte, depth int, change func([]byte) []byte) []byte {
	if depth == 0 {
		return change(raw)
	}
	var v asn1.RawValue
	unmarshalDER(raw, &v)
	rest, at := v.Bytes, 0
	for len(rest) > 0 {
		var e asn1.RawValue
		unmarshalDER(rest, &e)
		at = len(v.Bytes) - len(rest)
		rest = rest[len(e.FullBytes):]
	}
	content := append([]byte{}, v.Bytes[:at]...)
	content = append(content, inside(v.Bytes[at:], depth-1, change)...)
	return marshalDER(asn1.RawValue{Class: v.Class, Tag: v.Tag, IsCompound: true, Bytes: content})
}

// withUnsignedAttribute adds one to the signer: response, token, SignedData in
// its tag, signers, signer.
func withUnsignedAttribute(raw []byte) []byte {
	return inside(raw, 5, func(signer []byte) []byte {
		var v asn1.RawValue
		unmarshalDER(signer, &v)
		attribute := marshalDER(struct {
			Type   asn1.ObjectIdentifier
			Values []string `asn1:"set"`
		}{asn1.ObjectIdentifier{1, 2, 3, 4}, []string{string(smuggled)}})
		attributes := marshalDER(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: attribute})
		return marshalDER(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(append([]byte{}, v.Bytes...), attributes...)})
	})
}

// TestHostileCertificateUnlogged: with the log waived, nothing ties a certificate
// to a signature by a pinned key.
func TestHostileCertificateUnlogged(t *testing.T) {
	leaf := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: fixture.NewAuthority("somebody else", nil).Cert.Raw}))
	threats(t, "signature", []threat{{name: "another's certificate", want: "signature.encoding",
		signed: []fixture.Stages{{NoLog: true, Annotations: func(a map[string]string) { a["dev.sigstore.cosign/certificate"] = leaf }}},
		opt:    func(o *verify.Options) { o.IgnoreTlog = true }}})
}
