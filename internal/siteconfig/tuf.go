package siteconfig

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/verify"
)

// repository is the spec of a TrustRoot that carries a whole repository of The Update
// Framework, of which the controller asks no server.
type repository struct {
	Root    base64 `yaml:"root"`
	Mirror  base64 `yaml:"mirrorFS"` // a tar, gzipped
	Targets string `yaml:"targets"`
	Target  string `yaml:"trustedRootTarget"`
}

// A repository must be signed, and must expire. Here one document holds both the root and
// the content of the repository. It is trusted as a whole or not at all, so the signature
// proves nothing, and the key need not be secret. The key is made from the content, so that
// the same content always makes the same document.
const expires = "2099-01-01T00:00:00Z"

// newRepository returns a repository whose one target is the trusted root of a domain
// (The Update Framework, specification 1.0).
func newRepository(d *verify.Domain) (*repository, error) {
	target, err := json.Marshal(trustedRoot(d))
	if err != nil {
		return nil, err
	}
	seed := sha256.Sum256(target)
	s := tufSigner{key: ed25519.NewKeyFromSeed(seed[:])}
	const name = "trusted_root.json"
	files := map[string][]byte{"targets/" + name: target}
	root := s.signed("root", map[string]any{"consistent_snapshot": false, "keys": map[string]any{s.id(): s.public()},
		"roles": map[string]any{"root": s.role(), "targets": s.role(), "snapshot": s.role(), "timestamp": s.role()}})
	files["root.json"] = root
	files["targets.json"] = s.signed("targets", map[string]any{"targets": describe(name, target)})
	files["snapshot.json"] = s.signed("snapshot", map[string]any{"meta": versioned("targets.json", files)})
	files["timestamp.json"] = s.signed("timestamp", map[string]any{"meta": versioned("snapshot.json", files)})
	mirror, err := packed(files)
	return &repository{base64(root), base64(mirror), "targets", name}, err
}

// tufSigner signs all roles. Its documents are maps of plain ASCII, which Go encodes
// canonically: members sorted, no white space.
type tufSigner struct{ key ed25519.PrivateKey }

func (s *tufSigner) public() map[string]any {
	pub, _ := s.key.Public().(ed25519.PublicKey)
	return map[string]any{"keytype": "ed25519", "scheme": "ed25519", "keyval": map[string]any{"public": hexOf(pub)}}
}

func (s *tufSigner) id() string {
	sum := sha256.Sum256(encoded(s.public()))
	return hexOf(sum[:])
}

func (s *tufSigner) role() map[string]any {
	return map[string]any{"keyids": []string{s.id()}, "threshold": 1}
}

// signed returns the metadata of a role, with its signature.
func (s *tufSigner) signed(role string, members map[string]any) []byte {
	m := map[string]any{"_type": role, "spec_version": "1.0", "version": 1, "expires": expires}
	maps.Copy(m, members)
	sig := map[string]any{"keyid": s.id(), "sig": hexOf(ed25519.Sign(s.key, encoded(m)))}
	return encoded(map[string]any{"signed": m, "signatures": []any{sig}})
}

// describe returns the length and the hash of a file by its name.
func describe(name string, content []byte) map[string]any {
	sum := sha256.Sum256(content)
	hashes := map[string]any{"sha256": hexOf(sum[:])}
	return map[string]any{name: map[string]any{"length": len(content), "hashes": hashes}}
}

// versioned describes metadata.
func versioned(name string, files map[string][]byte) map[string]any {
	m := describe(name, files[name])
	m[name].(map[string]any)["version"] = 1
	return m
}

// packed returns a gzipped tar of the files below repository/, as policy-controller unpacks
// it. It needs entries for folders.
func packed(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, dir := range []string{"repository/", "repository/targets/"} {
		if err := t.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "repository/" + name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a map of strings and numbers can be encoded
	}
	return text
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
