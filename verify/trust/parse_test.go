package trust

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

func TestParseKeyTakesBothBlocks(t *testing.T) {
	pub := &newRSA().PublicKey
	pkix := mustParse(t, block("PUBLIC KEY", spki(t, pub)))
	pkcs1 := mustParse(t, block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)))
	if pkix.Fingerprint() != pkcs1.Fingerprint() || pkix.PEM() != pkcs1.PEM() {
		t.Error("the same RSA key in two blocks is two keys")
	}
	if pkcs1.Describe() != "RSA 2048" {
		t.Errorf("got %s", pkcs1.Describe())
	}
}

func TestParseKeyAllowsWhiteSpaceAround(t *testing.T) {
	text := readFile(t, "cosign.pub")
	want := mustParse(t, text).Fingerprint()
	crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	for _, variant := range [][]byte{bytes.TrimSpace(text), append([]byte(" \t\n"), text...),
		append(text, " \r\n\n"...), crlf} {
		if got := mustParse(t, variant).Fingerprint(); got != want {
			t.Errorf("%q: another key: %s", variant, got)
		}
	}
}

func TestParseKeyRefusesTheFile(t *testing.T) {
	good := string(readFile(t, "cosign.pub"))
	der := mustParse(t, []byte(good)).DER
	rsaDER := spki(t, &newRSA().PublicKey)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	broken := "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"
	offCurve := bytes.Clone(der)
	offCurve[len(offCurve)-1] ^= 1
	for name, test := range map[string]struct{ text, reason string }{
		"empty":          {"", "want a PEM block PUBLIC KEY, found none"},
		"DER":            {string(der), "found none"},
		"SSH":            {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDUo me", "found none"},
		"two keys":       {good + string(block("PUBLIC KEY", rsaDER)), "want one key, found 2"},
		"broken first":   {broken + good, "cannot be read"},
		"UTF-16":         {"\xff\xfe-\x00", "UTF-16"},
		"header":         {strings.Replace(good, "-----\n", "-----\nA: b\n\n", 1), "without headers"},
		"certificate":    {string(block("CERTIFICATE", selfSigned(t))), "this is a certificate"},
		"no certificate": {string(block("CERTIFICATE", []byte{1})), "CERTIFICATE: x509"},
		"other type":     {string(block("PGP PUBLIC KEY BLOCK", []byte{1})), "found one of another type"},
		"trailing DER":   {string(block("PUBLIC KEY", append(bytes.Clone(der), 0))), "trailing data"},
		"PKCS #1 in PKIX": {string(block("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&newRSA().PublicKey))),
			"PUBLIC KEY: "},
		"PKIX in PKCS #1": {string(block("RSA PUBLIC KEY", rsaDER)), "RSA PUBLIC KEY: "},
		"off the curve":   {string(block("PUBLIC KEY", offCurve)), "PUBLIC KEY: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKey([]byte(test.text))
			wantFormat(t, err, "public key file", test.reason)
		})
	}
	_, err = ParseKey(block("PUBLIC KEY", spki(t, x25519.PublicKey())))
	wantUnsupported(t, err, "*ecdh.PublicKey")
}

// encoding/asn1 ignores what follows the elements it looks for in a sequence,
// which would give one key many fingerprints.
func TestParseKeyRefusesOtherDER(t *testing.T) {
	pkix := extended(t, mustParse(t, readFile(t, "cosign.pub")).DER)
	pkcs1 := extended(t, x509.MarshalPKCS1PublicKey(&newRSA().PublicKey))
	for blockType, der := range map[string][]byte{"PUBLIC KEY": pkix, "RSA PUBLIC KEY": pkcs1} {
		_, err := ParseKey(block(blockType, der))
		wantFormat(t, err, "public key file", blockType+": the DER is not canonical")
	}
}

func TestParseKeyNamesAPrivateKeyWithoutRepeatingIt(t *testing.T) {
	private := newECDSA(t, elliptic.P256())
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for blockType, reason := range map[string]string{
		"PRIVATE KEY":                    "this is a private key",
		"EC PRIVATE KEY":                 "this is a private key",
		"OPENSSH PRIVATE KEY":            "this is a private key",
		"ENCRYPTED PRIVATE KEY":          "this is an encrypted private key",
		"ENCRYPTED SIGSTORE PRIVATE KEY": "this is an encrypted private key",
		"ENCRYPTED COSIGN PRIVATE KEY":   "this is an encrypted private key",
	} {
		text := block(blockType, der)
		_, err := ParseKey(text)
		wantFormat(t, err, "public key file", reason)
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), strings.TrimSpace(line)) {
				t.Errorf("%s: the message repeats the file: %v", blockType, err)
			}
		}
	}
}

func TestParseKeyBudgets(t *testing.T) {
	text := readFile(t, "cosign.pub")
	atBudget := append(text, bytes.Repeat([]byte("\n"), MaxKeyFile-len(text))...)
	mustParse(t, atBudget)
	if _, err := ParseKey(append(atBudget, '\n')); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("a byte over the budget: got %v, want check.ErrTooLarge", err)
	}
	huge := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), MaxRSABits), big.NewInt(1)), E: 65537}
	if _, err := ParseKey(block("PUBLIC KEY", spki(t, huge))); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("RSA over the budget: got %v, want check.ErrTooLarge", err)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, name := range []string{"cosign.pub", "rekor2.pub"} {
		f.Add(readFile(f, name))
	}
	pub := &newRSA().PublicKey
	f.Add(block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)))
	f.Add(block("PUBLIC KEY", spki(f, pub)))
	f.Add(block("CERTIFICATE", []byte{0x30, 0}))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"a": "b"},
		Bytes: []byte{1}}))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKey(text)
		if err != nil {
			return
		}
		again := mustParse(t, []byte(key.PEM()))
		if again.Fingerprint() != key.Fingerprint() || again.Describe() != key.Describe() {
			t.Error("written and read again it is another key")
		}
		if _, ok := key.Public.(ed25519.PublicKey); ok && key.CheckStrength() != nil {
			t.Error("an Ed25519 key is never weak")
		}
		if key.Verify([]byte("message"), []byte("no signature")) == nil {
			t.Error("verifies a message that was not signed")
		}
	})
}

// selfSigned returns a certificate whose validity is over.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key := newECDSA(t, elliptic.P256())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signer"},
		NotBefore: time.Unix(1, 0), NotAfter: time.Unix(2, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseKeys(t *testing.T) {
	one := string(readFile(t, "cosign.pub"))
	two := string(block("PUBLIC KEY", spki(t, &newRSA().PublicKey)))
	der := selfSigned(t)
	certificate := string(block("CERTIFICATE", der))
	for name, c := range map[string]struct {
		text string
		keys int
	}{
		"one":               {one, 1},
		"two":               {one + "# the next one\r\n" + two, 2},
		"one twice":         {one + one, 1},
		"a certificate":     {"subject=CN = signer\n" + certificate, 1},
		"a byte order mark": {"\ufeff" + one, 1},
		"indented, with CR": {"  " + strings.ReplaceAll(one, "\n", "\r\n  "), 1},
		"text around":       {"key:\n" + one + "text", 1},
		"other line breaks": {strings.Replace(one, "MFkw", "MF\nkw", 1), 1},
		"PKCS #1 and PKIX":  {two + string(block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&newRSA().PublicKey))), 2},
	} {
		keys, err := ParseKeys([]byte(c.text))
		if name == "PKCS #1 and PKIX" && len(keys) == 1 {
			continue // the same key in two forms
		}
		if err != nil || len(keys) != c.keys {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
			continue
		}
		if isCert := keys[0].Certificate != nil; isCert != (name == "a certificate") {
			t.Errorf("%s: from a certificate: %v", name, isCert)
		}
	}
	for name, c := range map[string]struct{ text, says string }{
		"a chain":                   {certificate + certificate, "alone"},
		"a key and a certificate":   {one + certificate, "alone"},
		"a key and its private key": {one + string(block("PRIVATE KEY", []byte{1})), "private key"},
		"a broken block":            {one + "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", "cannot be read"},
	} {
		_, err := ParseKeys([]byte(c.text))
		t.Run(name, func(t *testing.T) { wantFormat(t, err, "public key file", c.says) })
	}
}
