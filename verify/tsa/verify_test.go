package tsa

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha512"
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"

	"github.com/gapseal/gapseal/verify/trust"
)

// sample is a timestamp by a real authority over a real signature.
type sample struct {
	Token     []byte `json:"signedTimestamp"`
	Signature []byte `json:"sig"`
}

var samples = map[string]string{
	"bundle-tsaonly":        "2026-11-23T02:29:15Z",
	"bundle-key-rekor2":     "2026-11-23T02:29:19Z",
	"bundle-keyless":        "2026-11-23T02:29:21Z",
	"bundle-keyless-rekor2": "2026-11-23T02:29:21Z",
	"bundle-keyless-gha":    "2026-11-23T02:29:22Z",
}

func readSample(t testing.TB, name string) sample {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func realAuthorities(t testing.TB) []trust.TimestampAuthority {
	t.Helper()
	text, err := os.ReadFile("testdata/trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseTrustedRoot(text)
	if err != nil {
		t.Fatal(err)
	}
	return root.TSAs
}

func TestVerifyRealTimestamps(t *testing.T) {
	authorities := realAuthorities(t)
	for name, at := range samples {
		s := readSample(t, name)
		result, err := Verify(s.Token, s.Signature, authorities)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := result.Time.Format(time.RFC3339Nano); got != at || result.Index != 0 ||
			result.Authority.Name != "CN=lab tsa,O=lab" {
			t.Errorf("%s: %s by %q, want %s", name, got, result.Authority.Name, at)
		}
	}
}

func TestVerifyOverOtherBytes(t *testing.T) {
	a, b := readSample(t, "bundle-keyless"), readSample(t, "bundle-tsaonly")
	_, err := Verify(a.Token, b.Signature, realAuthorities(t))
	var imprint *ImprintError
	if !errors.As(err, &imprint) || imprint.Expected == imprint.Found || len(imprint.Found) != 64 {
		t.Errorf("got %v, want *ImprintError", err)
	}
}

// A flipped bit in the signature, which ends the token, and one in what is
// signed, the token's serial number.
func TestVerifyBrokenSignature(t *testing.T) {
	s := readSample(t, "bundle-tsaonly")
	serial, _ := hex.DecodeString("f6fa48e102c979d74979c421812c80edd8b02a32")
	for name, at := range map[string]int{
		"signature": len(s.Token) - 1,
		"content":   bytes.Index(s.Token, serial),
	} {
		broken := bytes.Clone(s.Token)
		broken[at] ^= 1
		if _, err := Verify(broken, s.Signature, realAuthorities(t)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
}

func TestVerifyThrowawayAuthority(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	between := issue(t, "between", root, asCA)
	signer := issue(t, "signer", between, asTSA)
	authorities := []trust.TimestampAuthority{authority(issue(t, "other", root, asTSA), root),
		authority(signer, between, root)}
	sha384, sha512 := sha512.Sum384(signature), sha512.Sum512(signature)
	carrying, with384, with512, bound := stampBy(signer), stampBy(signer), stampBy(signer), stampBy(signer)
	carrying.carry, carrying.certs = true, []*x509.Certificate{root.cert, between.cert}
	with384.imprint, with384.digest = stdasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, sha384[:]
	with512.imprint, with512.digest, with512.signerAlg = stdasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2,
		3}, sha512[:], pkcs7.OIDDigestAlgorithmSHA512
	bound.attrs = essAttribute(t, nil, sum(crypto.SHA256, signer.cert.Raw))
	for name, s := range map[string]stamp{
		"bare": stampBy(signer), "with certificates": carrying, "SHA-384": with384, "SHA-512": with512, "bound to its certificate": bound,
	} {
		result, err := Verify(s.make(t), signature, authorities)
		if err != nil || !result.Time.Equal(now) || result.Index != 1 {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
	}
	// An authority may be trusted by its signing certificate alone.
	alone := []trust.TimestampAuthority{authority(signer)}
	if _, err := Verify(stampBy(signer).make(t), signature, alone); err != nil {
		t.Error(err)
	}
}

// essAttribute is a SigningCertificateV2 with the digest of a certificate.
func essAttribute(t *testing.T, algorithm stdasn1.ObjectIdentifier, digest []byte) []pkcs7.Attribute {
	t.Helper()
	fields := []any{digest}
	if algorithm != nil {
		fields = []any{[]any{algorithm}, digest}
	}
	return []pkcs7.Attribute{{Type: oidSigningCertificateV2, Value: stdasn1.RawValue{FullBytes: sequence(t,
		sequence(t, sequence(t, fields...)))}}}
}

// sequence writes a DER sequence of values. A []byte that begins as a sequence is
// taken for DER.
func sequence(t *testing.T, values ...any) []byte {
	t.Helper()
	var content []byte
	for _, v := range values {
		if inner, ok := v.([]any); ok {
			v = sequence(t, inner...)
		}
		if raw, ok := v.([]byte); ok && len(raw) > 1 && raw[0] == 0x30 && int(raw[1]) == len(raw)-2 {
			content = append(content, raw...)
			continue
		}
		der, err := stdasn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, der...)
	}
	der, err := stdasn1.Marshal(stdasn1.RawValue{Tag: 16, IsCompound: true, Bytes: content})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestVerifyAlgorithms(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	signer := issue(t, "signer", root, asTSA)
	imprint, digest, cert := stampBy(signer), stampBy(signer), stampBy(signer)
	weak := sha1.Sum(signature)
	imprint.imprint, imprint.digest = pkcs7.OIDDigestAlgorithmSHA1, weak[:]
	digest.signerAlg = pkcs7.OIDDigestAlgorithmSHA1
	cert.attrs = essAttribute(t, stdasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}, []byte("0123456789abcdef"))
	unknown := stampBy(signer)
	unknown.imprint = stdasn1.ObjectIdentifier{1, 2, 3, 4}
	for name, test := range map[string]struct {
		stamp       stamp
		what, found string
	}{
		"imprint SHA-1":             {imprint, "imprint", "SHA-1"},
		"imprint unknown":           {unknown, "imprint", "1.2.3.4"},
		"signer's digest SHA-1":     {digest, "signer's digest", "SHA-1"},
		"signing certificate's MD5": {cert, "signing certificate's digest", "MD5"},
	} {
		_, err := Verify(test.stamp.make(t), signature, []trust.TimestampAuthority{authority(signer, root)})
		var algorithm *AlgorithmError
		if !errors.As(err, &algorithm) || algorithm.What != test.what || algorithm.Found != test.found {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestVerifyUnknownAuthority(t *testing.T) {
	other := issue(t, "other", issue(t, "other root", nil, asCA), asTSA)
	_, err := Verify(stampBy(other).make(t), signature, realAuthorities(t))
	var unknown *AuthorityError
	if !errors.As(err, &unknown) || unknown.Issuer != "CN=other root" ||
		fmt.Sprint(unknown.Trusted) != "[CN=lab tsa,O=lab]" {
		t.Errorf("got %v, want *AuthorityError", err)
	}
	if _, err := Verify(stampBy(other).make(t), signature, make([]trust.TimestampAuthority, 1)); !errors.As(err,
		&unknown) {
		t.Errorf("an authority without a chain: got %v, want *AuthorityError", err)
	}
	_, err = Verify(stampBy(other).make(t), signature, nil)
	if !errors.As(err, &unknown) || !strings.HasSuffix(err.Error(), "trusted: none") {
		t.Errorf("no authority at all: got %v, want *AuthorityError", err)
	}
}

// The certificate whose extended key usage is checked must be the one that
// signed (CVE-2026-39984). That the genuine one is in the token proves nothing.
func TestVerifySignerIsTheLeaf(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	genuine := issue(t, "signer", root, asTSA)
	authorities := []trust.TimestampAuthority{authority(genuine, root)}

	coder := issue(t, "coder", root, func(c *x509.Certificate) {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	})
	s := stampBy(coder)
	s.carry, s.certs = true, []*x509.Certificate{genuine.cert}
	var unknown *AuthorityError
	if _, err := Verify(s.make(t), signature, authorities); !errors.As(err, &unknown) {
		t.Errorf("signed by another certificate of the same root: got %v, want *AuthorityError", err)
	}

	// Even with the same issuer and serial number.
	twin := issue(t, "signer", root, func(c *x509.Certificate) { asTSA(c); c.SerialNumber = genuine.cert.SerialNumber })
	s = stampBy(twin)
	s.carry = true
	var other *SignerError
	if _, err := Verify(s.make(t), signature, authorities); !errors.As(err, &other) ||
		other.Found != certDigest(twin.cert) {
		t.Errorf("twin carried along: got %v, want *SignerError", err)
	}
	s.carry, s.attrs = false, essAttribute(t, nil, sum(crypto.SHA256, twin.cert.Raw))
	if _, err := Verify(s.make(t), signature, authorities); !errors.As(err, &other) ||
		other.Expected != certDigest(genuine.cert) {
		t.Errorf("twin named by digest: got %v, want *SignerError", err)
	}
	s.attrs = nil
	if _, err := Verify(s.make(t), signature, authorities); !errors.Is(err, ErrSignature) {
		t.Errorf("twin unnamed: got %v, want ErrSignature", err)
	}
}

func TestVerifyWindow(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	signer := issue(t, "signer", root, asTSA)
	token := stampBy(signer).make(t)
	for name, test := range map[string]struct {
		from, to time.Time
		inside   bool
	}{
		"at the end":       {now.Add(-time.Second), now, true},
		"at the start":     {now, now.Add(time.Second), true},
		"after the end":    {now.Add(-time.Minute), now.Add(-time.Second), false},
		"before the start": {now.Add(time.Second), time.Time{}, false},
	} {
		a := authority(signer, root)
		a.From, a.To = test.from, test.to
		_, err := Verify(token, signature, []trust.TimestampAuthority{a})
		var window *trust.WindowError
		if test.inside && err != nil || !test.inside && !errors.As(err, &window) {
			t.Errorf("%s: got %v", name, err)
		}
		// The same authority may vouch with another window.
		if _, err := Verify(token, signature, []trust.TimestampAuthority{a, authority(signer, root)}); err != nil {
			t.Errorf("%s, second window: %v", name, err)
		}
	}
}

func TestVerifyCertificateValidity(t *testing.T) {
	short := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-time.Minute), now.Add(time.Minute) }
	root := issue(t, "root", nil, asCA)
	shortRoot := issue(t, "short root", nil, func(c *x509.Certificate) { asCA(c); short(c) })
	shortBetween := issue(t, "short between", root, func(c *x509.Certificate) { asCA(c); short(c) })
	for name, chain := range map[string][]*identity{
		"signer":        {issue(t, "signer", root, func(c *x509.Certificate) { asTSA(c); short(c) }), root},
		"short between": {issue(t, "signer", shortBetween, asTSA), shortBetween, root},
		"short root":    {issue(t, "signer", shortRoot, asTSA), shortRoot},
	} {
		for at, inside := range map[time.Duration]bool{
			-time.Minute: true, time.Minute: true, -time.Minute - time.Second: false, time.Minute + time.Second: false,
		} {
			s := stampBy(chain[0])
			s.at = now.Add(at)
			_, err := Verify(s.make(t), signature, []trust.TimestampAuthority{authority(chain...)})
			var validity *ValidityError
			if inside && err != nil {
				t.Errorf("%s at %s: %v", name, at, err)
			}
			if !inside && (!errors.As(err, &validity) || validity.Certificate != "CN="+name) {
				t.Errorf("%s at %s: got %v, want *ValidityError", name, at, err)
			}
		}
	}
}

func TestVerifyCertificateUsage(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	coding := issue(t, "between", root, func(c *x509.Certificate) {
		asCA(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	})
	with := func(critical bool, numbers ...int) *identity {
		return issue(t, "signer", root, func(c *x509.Certificate) {
			asTSA(c)
			c.ExtraExtensions = c.ExtraExtensions[:0]
			if len(numbers) > 0 {
				c.ExtraExtensions = append(c.ExtraExtensions, usages(critical, numbers...))
			}
		})
	}
	for name, test := range map[string]struct {
		chain  []*identity
		reason string
	}{
		"code signing":      {[]*identity{with(true, 3), root}, "want the extended key usage time stamping"},
		"one more":          {[]*identity{with(true, 8, 3), root}, "and no other"},
		"one more, unknown": {[]*identity{with(true, 8, 99), root}, "and no other"},
		"none":              {[]*identity{with(true), root}, "want the extended key usage time stamping"},
		"not critical":      {[]*identity{with(false, 8), root}, "to be critical"},
		"an authority": {[]*identity{issue(t, "signer", root, func(c *x509.Certificate) { asTSA(c); asCA(c) }),
			root}, "found one that issues others"},
		"of the issuer": {[]*identity{issue(t, "signer", coding, asTSA), coding, root}, "incompatible key usage"},
	} {
		_, err := Verify(stampBy(test.chain[0]).make(t), signature,
			[]trust.TimestampAuthority{authority(test.chain...)})
		var usage *UsageError
		if !errors.As(err, &usage) || usage.Certificate != "CN=signer" || !strings.Contains(usage.Reason, test.reason) {
			t.Errorf("%s: got %v, want *UsageError saying %q", name, err, test.reason)
		}
	}
}
