package trust

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

const publicGood = "trusted_root.public-good.json"

func mustRoot(t *testing.T, text []byte) *Root {
	t.Helper()
	root, err := ParseTrustedRoot(text)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// wantKeptOut asserts that the file is read, and that its one entry is in no
// list, with a reason that contains want.
func wantKeptOut(t *testing.T, text []byte, want string) {
	t.Helper()
	root := mustRoot(t, text)
	if len(root.Unsupported) != 1 || !strings.Contains(root.Unsupported[0], want) {
		t.Errorf("unsupported %q, want one with %q", root.Unsupported, want)
	}
	if n := len(root.Logs) + len(root.CTLogs) + len(root.CAs) + len(root.TSAs); n != 0 {
		t.Errorf("%d entries were accepted", n)
	}
}

func TestParseTrustedRootAuthorities(t *testing.T) {
	root := mustRoot(t, readFile(t, "trusted_root.json"))
	ca, tsa, ct := root.CAs[0], root.TSAs[0], root.CTLogs[0]
	if ca.Name != "CN=lab fulcio intermediate,O=lab" || ca.URI != "http://127.0.0.1:5555" || len(ca.Chain) != 2 {
		t.Errorf("certificate authority %q at %q with %d certificates", ca.Name, ca.URI, len(ca.Chain))
	}
	if tsa.Name != "CN=lab tsa,O=lab" || len(tsa.Chain) != 2 || tsa.Anchor().Subject.CommonName != "lab tsa root" {
		t.Errorf("timestamp authority %q under %q", tsa.Name, tsa.Anchor().Subject)
	}
	if ct.ID != "d9320f8c8ffcd710fbd9e90e68ac3d5013564fb188396a756b0fb456c79f366f" || ct.Name != "127.0.0.1" {
		t.Errorf("CT log %s, %q", ct.ID, ct.Name)
	}
	for _, a := range []Authority{ca.Authority, tsa.Authority} {
		if !a.From.Equal(at(t, "2025-01-01T00:00:00Z")) || !a.To.IsZero() {
			t.Errorf("%s: from %v to %v", a.Name, a.From, a.To)
		}
	}
}

// The public-good instance as Sigstore distributes it.
func TestParseTrustedRootPublicGood(t *testing.T) {
	root := mustRoot(t, readFile(t, publicGood))
	if len(root.Logs) != 1 || root.Logs[0].ID != BuiltinLogs()[0].ID {
		t.Errorf("logs %+v", root.Logs)
	}
	if len(root.CAs) != 2 || len(root.CTLogs) != 2 || len(root.TSAs) != 1 || len(root.Unsupported) != 0 {
		t.Fatalf("%d CAs, %d CT logs, %d TSAs, unsupported %q", len(root.CAs), len(root.CTLogs), len(root.TSAs),
			root.Unsupported)
	}
	first := root.CAs[0]
	if err := first.CheckWindow(at(t, "2022-12-31T23:59:59.999Z")); err != nil {
		t.Errorf("the end is included: %v", err)
	}
	var window *WindowError
	if err := first.CheckWindow(at(t, "2023-01-01T00:00:00Z")); !errors.As(err, &window) {
		t.Errorf("after the end: got %v, want *WindowError", err)
	}
	if second := root.CAs[1]; second.Name != "CN=sigstore-intermediate,O=sigstore.dev" ||
		second.Anchor().Subject.CommonName != "sigstore" {
		t.Errorf("second authority %q under %q", second.Name, second.Anchor().Subject)
	}
}

// certify issues a certificate for a key; without a parent it signs itself.
func certify(t testing.TB, name string, isCA bool, key crypto.Signer, parent *x509.Certificate,
	parentKey crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), NotBefore: time.Unix(1700000000,
			0), NotAfter: time.Unix(1800000000, 0),
		BasicConstraintsValid: true, IsCA: isCA, KeyUsage: x509.KeyUsageCertSign,
	}
	if name != "" {
		template.Subject = pkix.Name{CommonName: name}
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// authority returns a trusted root with one certificate or timestamp authority.
func authority(t testing.TB, list string, chain ...[]byte) []byte {
	t.Helper()
	certs := []map[string]string{}
	for _, der := range chain {
		certs = append(certs, map[string]string{"rawBytes": base64.StdEncoding.EncodeToString(der)})
	}
	text, err := json.Marshal(certs)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.2+json",%q:[{"uri":"https://ca.example","operator":"example",`+
		`"certChain":{"certificates":%s},"validFor":{"start":"2025-01-01T00:00:00Z"}}]}`, list, text)
}

func TestParseTrustedRootJudgesChains(t *testing.T) {
	const cas, tsas = "certificateAuthorities", "timestampAuthorities"
	rootKey, key := newECDSA(t, elliptic.P384()), newECDSA(t, elliptic.P256())
	root := certify(t, "root", true, rootKey, nil, nil)
	issuing := certify(t, "issuing", true, key, root, rootKey)
	signing := certify(t, "signing", false, key, root, rootKey)
	other := certify(t, "root", true, newECDSA(t, elliptic.P256()), nil, nil)
	below := certify(t, "below", true, key, signing, key)

	good := mustRoot(t, authority(t, cas, issuing.Raw, root.Raw)).CAs[0]
	if good.Name != "CN=issuing" || good.Operator != "example" || !good.Anchor().Equal(root) {
		t.Errorf("got %+v", good)
	}
	nameless := certify(t, "", true, key, root, rootKey)
	if ca := mustRoot(t, authority(t, cas, nameless.Raw, root.Raw)).CAs[0]; ca.Name != "https://ca.example" {
		t.Errorf("without a subject it is named %q", ca.Name)
	}
	if tsa := mustRoot(t, authority(t, tsas, signing.Raw, root.Raw)).TSAs[0]; tsa.Name != "CN=signing" {
		t.Errorf("got %+v", tsa)
	}
	// The anchor need not be a root.
	if ca := mustRoot(t, authority(t, cas, issuing.Raw)).CAs[0]; !ca.Anchor().Equal(issuing) {
		t.Errorf("got %+v", ca)
	}

	start := []byte(`{"start":"2025-01-01T00:00:00Z"}`)
	for name, test := range map[string]struct {
		text   []byte
		reason string
	}{
		"no certificate":    {authority(t, cas), "found none"},
		"not a certificate": {authority(t, cas, root.Raw[1:]), "certificates[0]: want a certificate"},
		"trailing data": {authority(t, cas, append(bytes.Clone(issuing.Raw), 0), root.Raw),
			"certificates[0]: want a certificate"},
		"root first": {authority(t, cas, root.Raw, issuing.Raw),
			"certificates[0]: want it signed by the next"},
		"other root": {authority(t, tsas, signing.Raw, other.Raw),
			"certificates[0]: want it signed by the next"},
		"issuer may not": {authority(t, cas, below.Raw, signing.Raw, root.Raw),
			"certificates[0]: want it signed by the next"},
		"signer as authority": {authority(t, cas, signing.Raw, root.Raw),
			"certificates[0]: want a certificate authority's"},
		"no window": {bytes.Replace(authority(t, cas, root.Raw), start, []byte("{}"), 1), "validFor.start"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrustedRoot(test.text)
			wantFormat(t, err, "s[0]", test.reason)
		})
	}
	long := make([][]byte, maxChain+1)
	if _, err := ParseTrustedRoot(authority(t, cas, long...)); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("a chain over the budget: got %v, want check.ErrTooLarge", err)
	}
}

// An entry that is not supported does not affect the others.
func TestParseTrustedRootLeavesOut(t *testing.T) {
	const tsas = "timestampAuthorities"
	key := newECDSA(t, elliptic.P256())
	root := certify(t, "root", true, key, nil, nil)
	wantKeptOut(t, authority(t, tsas, root.Raw),
		`timestampAuthorities[0] "https://ca.example": certChain "CN=root" is not supported, want the certificate that signs`)

	wantKeptOut(t, authority(t, tsas, certify(t, "lone", false, newECDSA(t, elliptic.P256()), root, key).Raw),
		`certChain "CN=lone" is not supported, want the certificate of its issuer as well`)
	p224 := certify(t, "weak", false, newECDSA(t, elliptic.P224()), root, key)
	wantKeptOut(t, authority(t, tsas, p224.Raw, root.Raw), `certificates[0]: key "ECDSA P-224" is not supported`)
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	wantKeptOut(t, authority(t, "certificateAuthorities", certify(t, "weak", true, small, nil, nil).Raw),
		`certificates[0]: key "RSA 1024" is not supported`)

	// A key algorithm that crypto/x509 does not know.
	unknown := bytes.Replace(root.Raw, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01},
		[]byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x7f}, 1)
	wantKeptOut(t, authority(t, tsas, unknown), `certificates[0]: key type "of an algorithm unknown`)
	// ecdsa-with-SHA256 becomes ecdsa-with-SHA1.
	sha1 := bytes.ReplaceAll(root.Raw, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02},
		[]byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x7f})
	wantKeptOut(t, authority(t, "certificateAuthorities", sha1, root.Raw), `certificates[0]: signature algorithm`)

	whole := string(readFile(t, "trusted_root.json"))
	ctlogs := strings.Index(whole, `"ctlogs"`)
	text := whole[:ctlogs] + strings.Replace(whole[ctlogs:], "PKIX_ECDSA_P256_SHA_256", "PKCS1_RSA_PKCS1V5", 1)
	got := mustRoot(t, []byte(text))
	if len(got.Logs) != 2 || len(got.CAs) != 1 || len(got.TSAs) != 1 || len(got.CTLogs) != 0 ||
		len(got.Unsupported) != 1 {
		t.Errorf("got %+v", got)
	}
	if want := `trusted root: ctlogs[0] "http://127.0.0.1:6962/ctlog": publicKey.keyDetails "PKCS1_RSA_PKCS1V5"`; !strings.HasPrefix(got.Unsupported[0], want) {
		t.Errorf("got %q, want %q", got.Unsupported[0], want)
	}
}
