package cert

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

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

func TestParse(t *testing.T) {
	der := readFile(t, "bundle-keyless.der")
	text := readFile(t, "legacy-keyless.pem")
	encode := func(kind string, b []byte, headers map[string]string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: b})
	}
	for name, good := range map[string][]byte{
		"DER": der, "PEM": text, "PEM of DER": encode("CERTIFICATE", der, nil), "white space around": []byte(" \n" +
			string(text) + "\n\n"), "text before": append([]byte("issuer=O = sigstore\n"), text...),
		"text after": append(bytes.Clone(text), "text"...), "CRLF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
	} {
		if _, err := Parse(good); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := append(bytes.Clone(text), bytes.Repeat([]byte(" "), MaxCertificate-len(text))...)
	if _, err := Parse(full); err != nil {
		t.Error(err)
	}
	if _, err := Parse(append(full, ' ')); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("a byte over the budget: got %v, want check.ErrTooLarge", err)
	}
	root := encode("CERTIFICATE", realRoot(t, "trusted_root.json").CAs[0].Anchor().Raw, nil)
	for name, test := range map[string]struct {
		raw    []byte
		reason string
	}{
		"empty":          {nil, "want a PEM block CERTIFICATE"},
		"trailing data":  {append(bytes.Clone(der), 0), "trailing data"},
		"truncated":      {der[:len(der)-1], "want DER or PEM"},
		"trailing block": {encode("CERTIFICATE", append(bytes.Clone(der), 0), nil), "trailing data"},
		"with its root":  {append(bytes.Clone(text), root...), "exactly one PEM block"},
		"key":            {encode("PUBLIC KEY", der, nil), "want a PEM block CERTIFICATE"},
		"headers":        {encode("CERTIFICATE", der, map[string]string{"a": "b"}), "without headers"},
		"broken block":   {[]byte("-----BEGIN CERTIFICATE-----\n!\n"), "want a PEM block CERTIFICATE"},
	} {
		_, err := Parse(test.raw)
		t.Run(name, func(t *testing.T) { wantFormat(t, err, "certificate", test.reason) })
	}
}

func TestVerifyChain(t *testing.T) {
	root := newCA(t, "root", nil)
	between := newCA(t, "between", root)
	other := newCA(t, "other", nil)
	cas := []trust.CertificateAuthority{authority(other), authority(between, root)}
	chain, err := VerifyChain(newLeaf(t, between), cas, signing)
	if err != nil || len(chain.Certificates) != 3 || chain.Authority != &cas[1] || !chain.At.Equal(signing) {
		t.Errorf("got %+v, %v", chain, err)
	}
	// The anchor may issue directly.
	chain, err = VerifyChain(newLeaf(t, root), cas, signing)
	if err != nil || len(chain.Certificates) != 2 || chain.Certificates[1] != root.cert {
		t.Errorf("got %+v, %v", chain, err)
	}
	// An anchor need not be a root.
	if _, err := VerifyChain(newLeaf(t, between), []trust.CertificateAuthority{authority(between)},
		signing); err != nil {
		t.Error(err)
	}
	// crypto/x509 does not know user names.
	user := newLeaf(t, root, func(c *x509.Certificate) {
		c.EmailAddresses, c.ExtraExtensions = nil, []pkix.Extension{san(otherName(oidOtherName,
			der(12, []byte("dev!example.org"))))}
	})
	if _, err := VerifyChain(user, cas, signing); err != nil {
		t.Errorf("with a user name: %v", err)
	}
}

// Without a trusted time every certificate is refused, expired or not.
func TestVerifyChainWithoutTime(t *testing.T) {
	root := newCA(t, "root", nil)
	if _, err := VerifyChain(newLeaf(t, root), []trust.CertificateAuthority{authority(root)},
		time.Time{}); !errors.Is(err, ErrNoTime) {
		t.Errorf("got %v, want ErrNoTime", err)
	}
}

func TestVerifyChainUntrusted(t *testing.T) {
	root, twin := newCA(t, "root", nil), newCA(t, "root", nil)
	other := newCA(t, "other", nil)
	for name, test := range map[string]struct {
		issuer  *identity
		cas     []trust.CertificateAuthority
		reason  string
		trusted int
	}{
		"unknown": {other, []trust.CertificateAuthority{authority(root)}, "no authority of that name is trusted", 1},
		"same name": {twin, []trust.CertificateAuthority{authority(root)},
			"the authority of that name did not sign it", 1},
		"no anchors": {root, nil, "no authority of that name is trusted", 0},
	} {
		_, err := VerifyChain(newLeaf(t, test.issuer), test.cas, signing)
		var untrusted *UntrustedError
		if !errors.As(err, &untrusted) || !strings.Contains(untrusted.Reason, test.reason) ||
			len(untrusted.Trusted) != test.trusted {
			t.Errorf("%s: got %v, want *UntrustedError saying %q", name, err, test.reason)
		}
	}
}

// Each link is judged at the trusted time, not at the leaf's start
// (CVE-2026-24122): here the leaf is valid before, at, and after it.
func TestVerifyChainValidity(t *testing.T) {
	long := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = signing.Add(-time.Hour), signing.Add(time.Hour) }
	short := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = signing.Add(-time.Minute), signing.Add(time.Minute)
	}
	root, shortRoot := newCA(t, "root", nil), newCA(t, "short root", nil, short)
	shortBetween := newCA(t, "short between", root, short)
	underShort := newCA(t, "between", shortRoot)
	for link, test := range map[string]struct {
		leaf  *x509.Certificate
		chain []*identity
	}{
		Leaf:         {newLeaf(t, root, short), []*identity{root}},
		Intermediate: {newLeaf(t, shortBetween, long), []*identity{shortBetween, root}},
		Anchor:       {newLeaf(t, underShort, long), []*identity{underShort, shortRoot}},
	} {
		for offset, state := range map[time.Duration]string{
			-time.Minute: "", time.Minute: "", -time.Minute - time.Second: "not yet valid", time.Minute +
				time.Second: "expired",
		} {
			_, err := VerifyChain(test.leaf, []trust.CertificateAuthority{authority(test.chain...)},
				signing.Add(offset))
			var validity *ValidityError
			if state == "" && err != nil {
				t.Errorf("%s at %s: %v", link, offset, err)
			}
			if state != "" && (!errors.As(err, &validity) || validity.Link != link ||
				!strings.Contains(err.Error(), state)) {
				t.Errorf("%s at %s: got %v, want it %s", link, offset, err, state)
			}
		}
	}
}

func TestVerifyChainWindow(t *testing.T) {
	root := newCA(t, "root", nil)
	leaf := newLeaf(t, root)
	for name, test := range map[string]struct {
		from, to time.Time
		inside   bool
	}{
		"at the start":     {signing, time.Time{}, true},
		"at the end":       {signing.Add(-time.Hour), signing, true},
		"before the start": {signing.Add(time.Second), time.Time{}, false},
		"after the end":    {signing.Add(-time.Hour), signing.Add(-time.Second), false},
	} {
		ca := authority(root)
		ca.From, ca.To = test.from, test.to
		_, err := VerifyChain(leaf, []trust.CertificateAuthority{ca}, signing)
		var window *trust.WindowError
		if test.inside && err != nil || !test.inside && !errors.As(err, &window) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := VerifyChain(leaf, []trust.CertificateAuthority{ca, authority(root)}, signing); err != nil {
			t.Errorf("%s, with a second window: %v", name, err)
		}
	}
}

func TestVerifyChainUsage(t *testing.T) {
	root := newCA(t, "root", nil)
	serving := newCA(t, "serving", root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	narrow := newCA(t, "narrow", nil, func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"example.com"} })
	last := newCA(t, "last", nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	beyond := newCA(t, "beyond", last)
	poison := pkix.Extension{Id: stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}, Critical: true,
		Value: []byte{5, 0}}
	for name, test := range map[string]struct {
		change func(*x509.Certificate)
		chain  []*identity
		reason string
	}{
		"server authentication": {func(c *x509.Certificate) { c.ExtKeyUsage[0] = x509.ExtKeyUsageServerAuth },
			[]*identity{root}, "extended key usage code signing"},
		"any usage": {func(c *x509.Certificate) { c.ExtKeyUsage[0] = x509.ExtKeyUsageAny },
			[]*identity{root}, "extended key usage code signing"},
		"no usage": {func(c *x509.Certificate) { c.ExtKeyUsage = nil }, []*identity{root},
			"extended key usage code signing"},
		"no digital signature": {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement },
			[]*identity{root}, "key usage digital signature"},
		"authority": {func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true },
			[]*identity{root}, "one that issues others"},
		"signs certificates": {func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign },
			[]*identity{root}, "one that issues others"},
		"precertificate": {func(c *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, poison) },
			[]*identity{root}, "unhandled critical extension"},
		"issuer's usage": {func(*x509.Certificate) {}, []*identity{serving, root}, "incompatible key usage"},
		"issuer's names": {func(*x509.Certificate) {}, []*identity{narrow}, "not permitted"},
		"path length":    {func(*x509.Certificate) {}, []*identity{beyond, last}, "too many intermediates"},
	} {
		_, err := VerifyChain(newLeaf(t, test.chain[0], test.change),
			[]trust.CertificateAuthority{authority(test.chain...)}, signing)
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(usage.Reason, test.reason) {
			t.Errorf("%s: got %v, want *UsageError saying %q", name, err, test.reason)
		}
	}
}

func TestVerifyChainKey(t *testing.T) {
	root := newCA(t, "root", nil)
	cas := []trust.CertificateAuthority{authority(root)}
	weak := sign(t, leafTemplate(), newKey(t, elliptic.P224()), root).cert
	var weakKey *trust.WeakKeyError
	if _, err := VerifyChain(weak, cas, signing); !errors.As(err, &weakKey) {
		t.Errorf("got %v, want *trust.WeakKeyError", err)
	}
	unknown := *newLeaf(t, root)
	unknown.PublicKey = nil // as crypto/x509 does for a key of an unknown type
	var unsupported *trust.UnsupportedError
	if _, err := VerifyChain(&unknown, cas, signing); !errors.As(err, &unsupported) {
		t.Errorf("got %v, want *trust.UnsupportedError", err)
	}
}
