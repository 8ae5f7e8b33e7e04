package siteconfig_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gapseal/gapseal/verify/trust"
)

// carriedRoot reads the trusted root in the repository of a TrustRoot, as a client of
// The Update Framework does: from the root over timestamp, snapshot and targets.
func carriedRoot(t *testing.T, document []byte) *trust.Root {
	t.Helper()
	var spec struct {
		Spec struct {
			Repository map[string]string
		}
	}
	if err := yaml.Unmarshal(document, &spec); err != nil {
		t.Fatal(err)
	}
	files := unpacked(t, decoded(t, spec.Spec.Repository["mirrorFS"]))
	if !bytes.Equal(decoded(t, spec.Spec.Repository["root"]), files["repository/root.json"]) {
		t.Error("the root differs from that of the mirror")
	}
	keys := rootKeys(t, files["repository/root.json"])
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		checkRole(t, role, keys, files)
	}
	root, err := trust.ParseTrustedRoot(files["repository/targets/"+spec.Spec.Repository["trustedRootTarget"]])
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func decoded(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpacked(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func rootKeys(t *testing.T, root []byte) map[string]ed25519.PublicKey {
	t.Helper()
	var doc struct {
		Signed struct {
			Keys map[string]struct {
				KeyVal struct{ Public string }
			}
		}
	}
	if err := json.Unmarshal(root, &doc); err != nil {
		t.Fatal(err)
	}
	keys := map[string]ed25519.PublicKey{}
	for id, k := range doc.Signed.Keys {
		pub, err := hex.DecodeString(k.KeyVal.Public)
		if err != nil {
			t.Fatal(err)
		}
		keys[id] = pub
	}
	return keys
}

// checkRole checks the signature of a role, and the files that it describes.
func checkRole(t *testing.T, role string, keys map[string]ed25519.PublicKey, files map[string][]byte) {
	t.Helper()
	type described struct {
		Length int
		Hashes map[string]string
	}
	var doc struct {
		Signed     json.RawMessage
		Signatures []struct{ KeyID, Sig string }
	}
	if err := json.Unmarshal(files["repository/"+role+".json"], &doc); err != nil {
		t.Fatal(err)
	}
	sig, err := hex.DecodeString(doc.Signatures[0].Sig)
	if err != nil || !ed25519.Verify(keys[doc.Signatures[0].KeyID], doc.Signed, sig) {
		t.Errorf("%s: the signature is wrong", role)
	}
	var signed struct{ Meta, Targets map[string]described }
	if err := json.Unmarshal(doc.Signed, &signed); err != nil {
		t.Fatal(err)
	}
	for folder, list := range map[string]map[string]described{"": signed.Meta, "targets/": signed.Targets} {
		for name, d := range list {
			content := files["repository/"+folder+name]
			sum := sha256.Sum256(content)
			if d.Length != len(content) || d.Hashes["sha256"] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s describes %s wrongly", role, name)
			}
		}
	}
}
