package trust

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	sampleRekor1 = "968f851ed47bb8d32b74b1990125a3c4dcc28271b86b6a38a95ea0135fd32062"
	sampleRekor2 = "f9b5187c73452d4a20c5ff470a7b0069fcd47ac716271960aa6ed94a2692dd32"
)

func TestParseTrustedRoot(t *testing.T) {
	for _, test := range []struct {
		file          string
		logs          []string
		cas, tsas, ct int
	}{
		{"trusted_root.json", []string{sampleRekor1, sampleRekor2}, 1, 1, 1},
		{"trusted_root.rekor1.json", []string{sampleRekor1}, 0, 0, 0},
		{"trusted_root.rekor2.json", []string{sampleRekor2}, 0, 1, 0},
	} {
		text := readFile(t, test.file)
		root, err := ParseTrustedRoot(text)
		if err != nil {
			t.Fatal(test.file, err)
		}
		if len(root.CAs) != test.cas || len(root.TSAs) != test.tsas || len(root.CTLogs) != test.ct ||
			len(root.Unsupported) != 0 {
			t.Errorf("%s: got %d CAs, %d TSAs, %d CT logs, unsupported %q",
				test.file, len(root.CAs), len(root.TSAs), len(root.CTLogs), root.Unsupported)
		}
		if sum := sha256.Sum256(text); root.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
			t.Errorf("%s: digest %s", test.file, root.Digest)
		}
		var ids []string
		for _, log := range root.Logs {
			ids = append(ids, log.ID)
			if log.Name != "127.0.0.1" || log.Source != SourceFile || !log.To.IsZero() ||
				!log.From.Equal(at(t, "2025-01-01T00:00:00Z")) {
				t.Errorf("%s: %+v", test.file, log)
			}
		}
		if fmt.Sprint(ids) != fmt.Sprint(test.logs) {
			t.Errorf("%s: logs %v, want %v", test.file, ids, test.logs)
		}
	}
}

// edit returns the sample with one log of Rekor v1 or v2, with old replaced,
// which must occur in it exactly once.
func edit(t testing.TB, file, old, replacement string) []byte {
	t.Helper()
	text := string(readFile(t, file))
	if strings.Count(text, old) != 1 {
		t.Fatalf("%s does not contain %q exactly once", file, old)
	}
	return []byte(strings.Replace(text, old, replacement, 1))
}

const (
	v1 = "trusted_root.rekor1.json"
	v2 = "trusted_root.rekor2.json"
)

func TestParseTrustedRootMediaTypes(t *testing.T) {
	const old = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
	for _, mediaType := range []string{
		"application/vnd.dev.sigstore.trustedroot.v0.1+json",
		"application/vnd.dev.sigstore.trustedroot.v0.2+json",
	} {
		root, err := ParseTrustedRoot(edit(t, v1, old, mediaType))
		if err != nil || root.MediaType != mediaType {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
	for _, mediaType := range []string{
		"", "application/json",
		"application/vnd.dev.sigstore.trustedroot+json;version=0.2",
		"application/vnd.dev.sigstore.trustedroot.v0.3+json",
		"application/vnd.dev.sigstore.bundle.v0.3+json",
	} {
		_, err := ParseTrustedRoot(edit(t, v1, old, mediaType))
		wantUnsupported(t, err, mediaType)
	}
}

func TestParseTrustedRootWindow(t *testing.T) {
	text := edit(t, v1, `"validFor":{`, `"validFor":{"end":"2025-06-30T23:59:59.999Z",`)
	root, err := ParseTrustedRoot(text)
	if err != nil {
		t.Fatal(err)
	}
	log := root.Logs[0]
	if err := log.CheckWindow(at(t, "2025-06-30T23:59:59.999Z")); err != nil {
		t.Errorf("the end is included: %v", err)
	}
	var window *WindowError
	if err := log.CheckWindow(at(t, "2025-07-01T00:00:00Z")); !errors.As(err, &window) {
		t.Errorf("after the end: got %v, want *WindowError", err)
	}
}

// A version 0.2 file gives the key id of the log's checkpoints, whole or only the
// four bytes that are in a checkpoint, in addition to the log id or instead of it.
func TestParseTrustedRootCheckpointKeyID(t *testing.T) {
	version := func(text []byte) []byte {
		return bytes.Replace(text, []byte("trustedroot+json;version=0.1"), []byte("trustedroot.v0.2+json"), 1)
	}
	member := func(id string, n int) string {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		return `{"keyId":"` + base64.StdEncoding.EncodeToString(raw[:n]) + `"}`
	}
	const logID2 = `"logId":{"keyId":"+bUYfHNFLUogxf9HCnsAafzUescWJxlgqm7ZSiaS3TI="}`
	const logID1 = `"logId":{"keyId":"lo+FHtR7uNMrdLGZASWjxNzCgnG4a2o4qV6gE1/TIGI="}`
	for name, text := range map[string][]byte{
		"v2 beside":       edit(t, v2, logID2, logID2+`,"checkpointKeyId":`+member(sampleRekor2, 4)),
		"v2 whole":        edit(t, v2, logID2, logID2+`,"checkpointKeyId":`+member(sampleRekor2, 32)),
		"v2 instead":      edit(t, v2, logID2, `"checkpointKeyId":`+member(sampleRekor2, 4)),
		"v2 short log id": edit(t, v2, logID2, `"logId":`+member(sampleRekor2, 4)),
		"v1 beside":       edit(t, v1, logID1, logID1+`,"checkpointKeyId":`+member(sampleRekor1, 4)),
	} {
		root, err := ParseTrustedRoot(version(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if id := root.Logs[0].ID; id != sampleRekor1 && id != sampleRekor2 {
			t.Errorf("%s: id %s", name, id)
		}
	}
	_, err := ParseTrustedRoot(edit(t, v2, logID2, logID2+`,"checkpointKeyId":`+member(sampleRekor2, 4)))
	wantFormat(t, err, "tlogs[0]", "want none before version 0.2")
	_, err = ParseTrustedRoot(version(edit(t, v2, logID2, logID2+`,"checkpointKeyId":`+member(sampleRekor1, 4))))
	wantFormat(t, err, "tlogs[0]", "neither the SHA-256")
	_, err = ParseTrustedRoot(version(edit(t, v2, logID2, `"logId":`+member(sampleRekor2, 3))))
	wantFormat(t, err, "tlogs[0]", "neither the SHA-256")
	_, err = ParseTrustedRoot(version(edit(t, v1, logID1, `"logId":`+member(sampleRekor1, 4))))
	wantFormat(t, err, "tlogs[0]", "the SHA-256 of the key's DER")
}

// The name under which a Rekor v2 log signs is part of its id.
func TestParseTrustedRootNames(t *testing.T) {
	key := mustParse(t, readFile(t, "rekor2.pub"))
	for _, test := range []struct{ url, origin, name string }{
		{"https://log.example", "log.example", "log.example"},
		{"log.example", "log.example", "log.example"},
		{"https://log.example:8443/", "log.example:8443", "log.example:8443"},
		{"https://log.example/shard/1/", "log.example/shard/1", "log.example/shard/1"},
		{"https://%zz", "%zz", "%zz"},
	} {
		sum := sha256.Sum256(append([]byte(test.origin+"\n\x01"), key.DER[len(key.DER)-32:]...))
		text := edit(t, v2, "+bUYfHNFLUogxf9HCnsAafzUescWJxlgqm7ZSiaS3TI=", base64.StdEncoding.EncodeToString(sum[:]))
		text = bytes.Replace(text, []byte("http://127.0.0.1:3010"), []byte(test.url), 1)
		root, err := ParseTrustedRoot(text)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
		} else if root.Logs[0].Name != test.name || root.Logs[0].ID != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: got %q, %s", test.url, root.Logs[0].Name, root.Logs[0].ID)
		}
	}
	// The id of an Ed25519 log of Rekor v1 is the SHA-256 of its key.
	sum := sha256.Sum256(key.DER)
	root, err := ParseTrustedRoot(edit(t, v2, "+bUYfHNFLUogxf9HCnsAafzUescWJxlgqm7ZSiaS3TI=",
		base64.StdEncoding.EncodeToString(sum[:])))
	if err != nil || root.Logs[0].ID != key.hexDigest() {
		t.Errorf("Rekor v1 with Ed25519: %v", err)
	}
}

func TestParseTrustedRootCurves(t *testing.T) {
	for details, test := range map[string]struct {
		curve elliptic.Curve
		found string
	}{
		"PKIX_ECDSA_P384_SHA_256": {elliptic.P384(), ""},
		"PKIX_ECDSA_P521_SHA_256": {elliptic.P521(), ""},
		"PKIX_ECDSA_P384_SHA_384": {elliptic.P384(), "PKIX_ECDSA_P384_SHA_384"},
		"PKIX_ECDSA_P521_SHA_512": {elliptic.P521(), "PKIX_ECDSA_P521_SHA_512"},
	} {
		text := rootFor(t, newECDSA(t, test.curve).Public(), details)
		if test.found != "" {
			wantKeptOut(t, text, `tlogs[0] "https://log.example": publicKey.keyDetails "`+test.found+`" is not supported`)
		} else if root, err := ParseTrustedRoot(text); err != nil || len(root.Logs) != 1 {
			t.Errorf("%s: %v", details, err)
		}
	}
	_, err := ParseTrustedRoot(rootFor(t, newECDSA(t, elliptic.P384()).Public(), "PKIX_ECDSA_P256_SHA_256"))
	wantFormat(t, err, "tlogs[0]", "says PKIX_ECDSA_P256_SHA_256, but the key is ECDSA P-384")
	_, err = ParseTrustedRoot(rootFor(t, newRSA().Public(), "PKIX_ECDSA_P256_SHA_256"))
	wantFormat(t, err, "tlogs[0]", "says PKIX_ECDSA_P256_SHA_256, but the key is RSA 2048")
	wantKeptOut(t, rootFor(t, newRSA().Public(), "PKIX_RSA_PKCS1V15_2048_SHA256"),
		`tlogs[0] "https://log.example": publicKey.keyDetails "PKIX_RSA_PKCS1V15_2048_SHA256" is not supported`)
}

// rootFor returns a well-formed trusted root with one log.
func rootFor(t testing.TB, pub any, details string) []byte {
	der := spki(t, pub)
	sum := sha256.Sum256(der)
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.2+json","tlogs":[{
		"baseUrl":"https://log.example","hashAlgorithm":"SHA2_256",
		"publicKey":{"rawBytes":%q,"keyDetails":%q,"validFor":{"start":"2025-01-01T00:00:00Z"}},
		"logId":{"keyId":%q}}]}`, encode(der), details, encode(sum[:]))
}

func TestNewest(t *testing.T) {
	if newest := new(Root).Newest(); !newest.IsZero() {
		t.Errorf("an empty root: %s", newest)
	}
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	root := &Root{
		Logs:   []Log{{From: at(2021)}, {From: at(2020)}},
		CAs:    []CertificateAuthority{{Authority{From: at(2022)}}},
		TSAs:   []TimestampAuthority{{Authority{From: at(2025)}}},
		CTLogs: []Log{{From: at(2023)}},
	}
	if newest := root.Newest(); !newest.Equal(at(2025)) {
		t.Errorf("got %s, want 2025", newest)
	}
}
