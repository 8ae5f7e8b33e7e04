package tsa

import (
	"bytes"
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"errors"
	"strings"
	"testing"

	"github.com/digitorus/pkcs7"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

func wantFormat(t *testing.T, err error, what, reason string) {
	t.Helper()
	var format *check.FormatError
	if !errors.As(err, &format) || !strings.Contains(format.What, what) || !strings.Contains(format.Reason, reason) {
		t.Errorf("got %v, want *check.FormatError about %q saying %q", err, what, reason)
	}
}

func TestVerifyBudget(t *testing.T) {
	if _, err := Verify(make([]byte, MaxToken+1), nil, nil); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("got %v, want check.ErrTooLarge", err)
	}
	_, err := Verify(make([]byte, MaxToken), nil, nil)
	wantFormat(t, err, "TimeStampResp", "")
}

func TestVerifyEncoding(t *testing.T) {
	good := readSample(t, "bundle-tsaonly")
	flip := func(at int, b byte) []byte {
		out := bytes.Clone(good.Token)
		out[at] = b
		return out
	}
	deep := bytes.Repeat([]byte{0x30, 0x80}, 40)
	nested := []byte{}
	for range maxDepth + 2 {
		der, _ := stdasn1.Marshal(stdasn1.RawValue{Tag: 16, IsCompound: true, Bytes: nested})
		nested = der
	}
	for name, test := range map[string]struct {
		token        []byte
		what, reason string
	}{
		"empty":             {nil, "TimeStampResp", "want DER"},
		"trailing data":     {append(bytes.Clone(good.Token), 0), "TimeStampResp", "1 bytes after it"},
		"truncated":         {good.Token[:len(good.Token)-1], "TimeStampResp", "want DER"},
		"indefinite length": {deep, "TimeStampResp", "want DER"},
		"longer length":     {[]byte{0x30, 0x81, 0x01, 0x00}, "TimeStampResp", "want DER"},
		"string in pieces":  {[]byte{0x30, 0x04, 0x24, 0x02, 0x04, 0x00}, "TimeStampResp", "in one piece"},
		"deep":              {nested, "TimeStampResp", "nests deeper"},
		"no status":         {[]byte{0x30, 0x02, 0x02, 0x00}, "TimeStampResp", "PKIStatusInfo"},
		"no token":          {[]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00}, "TimeStampToken", "ContentInfo"},
		"token alone":       {good.Token[9:], "TimeStampResp", "PKIStatusInfo"},
		"not granted":       {flip(8, 2), "PKIStatus", "want 0, granted, found 2"},
		"with changes":      {flip(8, 1), "PKIStatus", "want 0, granted, found 1"},
		"enveloped data":    {flip(23, 3), "TimeStampToken", "want SignedData"},
		"version in SET":    {flip(32, 0x31), "TimeStampResp", ""},
		"signer version 3":  {flip(235, 3), "SignerInfo", "want one of version 1"},
	} {
		_, err := Verify(test.token, good.Signature, realAuthorities(t))
		t.Run(name, func(t *testing.T) { wantFormat(t, err, test.what, test.reason) })
	}
}

func TestVerifyStructure(t *testing.T) {
	root := issue(t, "root", nil, asCA)
	signer := issue(t, "signer", root, asTSA)
	change := func(f func(*stamp)) []byte {
		s := stampBy(signer)
		f(&s)
		return s.make(t)
	}
	garbage := &x509.Certificate{Raw: []byte{0x30, 0x00}}
	twice := pkcs7.Attribute{Type: oidSigningCertificateV2, Value: 1}
	for name, test := range map[string]struct {
		token        []byte
		what, reason string
	}{
		"content type":      {change(func(s *stamp) { s.content = pkcs7.OIDData }), "SignedData", "want TSTInfo"},
		"version 2":         {change(func(s *stamp) { s.version = 2 }), "TSTInfo", "version 1"},
		"after the TSTInfo": {change(func(s *stamp) { s.trailing = []byte{5, 0} }), "TSTInfo", "nothing after it"},
		"no signer":         {change(func(s *stamp) { s.signers = 0 }), "SignedData", "exactly one signer"},
		"two signers":       {change(func(s *stamp) { s.signers = 2 }), "SignedData", "exactly one signer"},
		"no attributes":     {change(func(s *stamp) { s.bare = true }), "SignerInfo", "want signed attributes"},
		"attribute twice": {change(func(s *stamp) { s.attrs = []pkcs7.Attribute{twice, twice} }), "SignerInfo",
			"occurs twice"},
		"broken certificate": {change(func(s *stamp) { s.certs = []*x509.Certificate{garbage} }), "SignedData",
			"certificates: "},
		"broken attribute": {change(func(s *stamp) { s.attrs = []pkcs7.Attribute{twice} }), "SigningCertificateV2",
			"want the digest"},
	} {
		_, err := Verify(test.token, signature, []trust.TimestampAuthority{authority(signer, root)})
		t.Run(name, func(t *testing.T) { wantFormat(t, err, test.what, test.reason) })
	}
	other := bytes.Replace(change(func(*stamp) {}), mustDER(t, pkcs7.OIDAttributeContentType),
		mustDER(t, pkcs7.OIDAttributeSigningTime), 1)
	_, err := Verify(other, signature, []trust.TimestampAuthority{authority(signer, root)})
	wantFormat(t, err, "SignerInfo", "occurs twice")
}

func mustDER(t *testing.T, v any) []byte {
	t.Helper()
	der, err := stdasn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestDistinct(t *testing.T) {
	root, second := issue(t, "root", nil, asCA), issue(t, "second root", nil, asCA)
	a, b, c := authority(issue(t, "a", root, asTSA), root), authority(issue(t, "b", root, asTSA),
		root), authority(issue(t, "c", second, asTSA), second)
	of := func(a trust.TimestampAuthority) *Result { return &Result{Authority: &a} }
	operated := func(a trust.TimestampAuthority, operator, uri string) *Result {
		a.Operator, a.URI = operator, uri
		return of(a)
	}
	for name, test := range map[string]struct {
		results []*Result
		want    int
	}{
		"none":          {nil, 0},
		"same token":    {[]*Result{of(a), of(a)}, 1},
		"same anchor":   {[]*Result{of(a), of(b)}, 1},
		"two":           {[]*Result{of(a), of(c), of(a)}, 2},
		"same operator": {[]*Result{operated(a, "x", ""), operated(c, "x", "")}, 1},
		"same URI":      {[]*Result{operated(a, "x", "u"), operated(c, "y", "u")}, 1},
		"two operators": {[]*Result{operated(a, "x", "u"), operated(c, "u", "x")}, 2},
	} {
		if got := Distinct(test.results); len(got) != test.want || test.want > 0 && got[0] != test.results[0] {
			t.Errorf("%s: got %d, want %d", name, len(got), test.want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	authorities := realAuthorities(f)
	var stamped []byte
	for name := range samples {
		s := readSample(f, name)
		f.Add(s.Token)
		stamped = s.Signature
	}
	root := issue(f, "root", nil, asCA)
	signer := issue(f, "signer", root, asTSA)
	s := stampBy(signer)
	s.carry = true
	f.Add(s.make(f))
	authorities = append(authorities, authority(signer, root))
	f.Fuzz(func(t *testing.T, token []byte) {
		result, err := Verify(token, stamped, authorities)
		if (err == nil) != (result != nil) {
			t.Errorf("%v and %v", result, err)
		}
		if other, err := Verify(token, []byte("another message"), authorities); err == nil {
			t.Errorf("vouches for a message that was not stamped: %v", other)
		}
	})
}

func TestNameOf(t *testing.T) {
	if got := nameOf([]byte{0x30, 0x01}); got != "3001" {
		t.Errorf("got %q", got)
	}
}
