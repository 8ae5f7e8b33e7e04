package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types of what publishers push that no tool of this lab writes.
const (
	imageConfigType   = "application/vnd.oci.image.config.v1+json"
	emptyConfigType   = "application/vnd.oci.empty.v1+json"
	inTotoType        = "application/vnd.in-toto+json"
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	attestationType   = "application/vnd.docker.attestation.manifest.v1+json"
	chartConfigType   = "application/vnd.cncf.helm.config.v1+json"
	chartType         = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// document is a JSON object whose spelling the test decides.
type document = map[string]any

// rawManifest is a manifest or an index as bytes, which can be pushed.
type rawManifest struct {
	raw []byte
	mt  types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mt, nil }

// repository is the repository of an image.
func (p pushed) repository(t *testing.T) name.Repository {
	t.Helper()
	return ok(name.NewTag(p.tag))(t).Context()
}

// putBlob pushes a blob and returns its descriptor.
func putBlob(t *testing.T, repo name.Repository, content []byte, mediaType string) document {
	t.Helper()
	layer := static.NewLayer(content, types.MediaType(mediaType))
	if err := remote.WriteLayer(repo, layer, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	return describe(content, mediaType)
}

// describe returns the descriptor of content.
func describe(content []byte, mediaType string) document {
	return document{"mediaType": mediaType, "digest": digestOf(content), "size": len(content)}
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// putManifest pushes a manifest or index, under a tag unless that is empty, and
// returns its descriptor. If it has a subject, go-containerregistry maintains the
// fallback tag of that.
func putManifest(t *testing.T, repo name.Repository, tag string, doc document) document {
	t.Helper()
	mediaType := doc["mediaType"].(string)
	raw := ok(json.Marshal(doc))(t)
	d := describe(raw, mediaType)
	var ref name.Reference = repo.Digest(d["digest"].(string))
	if tag != "" {
		ref = repo.Tag(tag)
	}
	m := rawManifest{raw: raw, mt: types.MediaType(mediaType)}
	if err := remote.Put(ref, m, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	return d
}

// manifest returns a manifest with this config and these layers.
func manifest(config document, layers ...document) document {
	return document{
		"schemaVersion": 2, "mediaType": string(types.OCIManifestSchema1), "config": config, "layers": layers,
	}
}

// with adds members to a descriptor or manifest.
func with(doc document, members document) document {
	for k, v := range members {
		doc[k] = v
	}
	return doc
}

// hash returns the digest of a descriptor.
func hash(t *testing.T, d document) v1.Hash {
	t.Helper()
	return ok(v1.NewHash(d["digest"].(string)))(t)
}

// payload returns the simple signing payload for an image.
func payload(reference, digest, kind string, optional any) document {
	return document{
		"critical": document{
			"identity": document{"docker-reference": reference},
			"image":    document{"docker-manifest-digest": digest},
			"type":     kind,
		},
		"optional": optional,
	}
}

const cosignKind = "cosign container image signature"

// putSigned pushes a payload that the key signs to the .sig tag of the image, with
// further annotations on its layer. Cosign signs the payload as a blob, and logs it
// unless s says otherwise.
func putSigned(t *testing.T, image pushed, s signature, payload []byte, annotations document) {
	t.Helper()
	repo := image.repository(t)
	layer := putBlob(t, repo, payload, simpleSigningType)
	layer["annotations"] = with(signBlob(t, s, payload), annotations)
	const emptyImage = `{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`
	config := putBlob(t, repo, []byte(emptyImage), imageConfigType)
	putManifest(t, repo, sigTag(image), manifest(config, layer))
}

// sigTag is the tag at which cosign's first generation looks for signatures.
func sigTag(image pushed) string { return strings.Replace(image.digest.String(), ":", "-", 1) + ".sig" }

// signBlob has cosign sign a payload, and returns cosign's annotations of the layer.
func signBlob(t *testing.T, s signature, payload []byte) document {
	t.Helper()
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(signingArgs(s, "sign-blob"), "--output-signature", file+".sig")
	if !s.unlogged {
		args = append(args, "--bundle", file+".bundle")
	}
	wantExit(t, 0, signing(t, s, append(args, file)))
	annotations := document{"dev.cosignproject.cosign/signature": string(ok(os.ReadFile(file + ".sig"))(t))}
	if s.unlogged {
		return annotations
	}
	var written struct{ RekorBundle json.RawMessage }
	if err := json.Unmarshal(ok(os.ReadFile(file+".bundle"))(t), &written); err != nil {
		t.Fatal(err)
	}
	annotations["dev.sigstore.cosign/bundle"] = string(written.RekorBundle)
	return annotations
}

// respell lets change alter the manifest at a tag, and pushes it to the same tag.
func respell(t *testing.T, image pushed, tag string, change func(doc document)) {
	t.Helper()
	repo := image.repository(t)
	d := ok(remote.Get(repo.Tag(tag), remote.WithContext(t.Context())))(t)
	var doc document
	if err := json.Unmarshal(d.Manifest, &doc); err != nil {
		t.Fatal(err)
	}
	change(doc)
	putManifest(t, repo, tag, doc)
}

// layerAnnotations returns the annotations of the first layer of a manifest.
func layerAnnotations(doc document) document {
	return doc["layers"].([]any)[0].(document)["annotations"].(document)
}

// wrapped breaks base64 into lines of 76 columns, as base64(1) does.
func wrapped(text string) string {
	var lines []string
	for ; len(text) > 76; text = text[76:] {
		lines = append(lines, text[:76])
	}
	return strings.Join(append(lines, text), "\n") + "\n"
}

// respellBundle pushes the only Sigstore bundle of an image again, indented and with a
// final newline, in place of the original.
func respellBundle(t *testing.T, image pushed) {
	t.Helper()
	repo := image.repository(t)
	tag := strings.Replace(image.digest.String(), ":", "-", 1)
	respell(t, image, tag, func(index document) {
		entry := index["manifests"].([]any)[0].(document)
		d := ok(remote.Get(repo.Digest(entry["digest"].(string)), remote.WithContext(t.Context())))(t)
		var doc, content document
		if err := json.Unmarshal(d.Manifest, &doc); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(readBlob(t, repo, doc["layers"].([]any)[0].(document)), &content); err != nil {
			t.Fatal(err)
		}
		raw := append(ok(json.MarshalIndent(content, "", "  "))(t), '\n')
		blob := putBlob(t, repo, raw, doc["layers"].([]any)[0].(document)["mediaType"].(string))
		doc["layers"] = []document{blob}
		again := putManifest(t, repo, "", doc)
		entry["digest"], entry["size"] = again["digest"], again["size"]
	})
}

// sizeOf returns the size of the manifest of an image.
func sizeOf(t *testing.T, image pushed) int64 {
	t.Helper()
	ref := image.repository(t).Digest(image.digest.String())
	return ok(remote.Head(ref, remote.WithContext(t.Context())))(t).Size
}

// descriptor describes the manifest of an image that pushOCI pushed.
func (p pushed) descriptor(t *testing.T) document {
	t.Helper()
	return document{"mediaType": string(types.OCIManifestSchema1), "digest": p.digest.String(), "size": sizeOf(t, p)}
}

// readBlob fetches a blob by its descriptor.
func readBlob(t *testing.T, repo name.Repository, d document) []byte {
	t.Helper()
	layer := ok(remote.Layer(repo.Digest(d["digest"].(string)), remote.WithContext(t.Context())))(t)
	r := ok(layer.Compressed())(t)
	defer r.Close()
	var content []byte
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		content = append(content, buffer[:n]...)
		if err != nil {
			return content
		}
	}
}

// inToto returns an in-toto statement with SLSA provenance about a manifest.
func inToto(t *testing.T, subject string) []byte {
	t.Helper()
	_, hex, _ := strings.Cut(subject, ":")
	return ok(json.Marshal(document{
		"_type": "https://in-toto.io/Statement/v0.1", "predicateType": provenanceType,
		"subject": []document{
			{"name": "pkg:docker/acme/app@v1?platform=linux%2Famd64", "digest": document{"sha256": hex}},
		},
		"predicate": json.RawMessage(predicates["slsaprovenance1"]),
	}))(t)
}

// buildkit pushes an index of one platform with the attestation manifest that BuildKit
// writes about it, and returns both. The statement is about claimed, or about the platform
// if that is empty. Only newer versions of BuildKit name the platform as the subject of
// the manifest.
func buildkit(t *testing.T, repo, claimed string, subject bool) (index, attestation pushed) {
	t.Helper()
	image := push(t, repo, newImage(t, "amd64", true))
	r, platform := image.repository(t), image.descriptor(t)
	if claimed == "" {
		claimed = image.digest.String()
	}
	doc := buildkitManifest(t, r, inToto(t, claimed), subject)
	if subject {
		doc["subject"] = image.descriptor(t)
	}
	att := putManifest(t, r, "", doc)
	attestation = pushed{tag: image.tag, digest: hash(t, att)}
	platform["platform"] = document{"os": "linux", "architecture": "amd64"}
	att["platform"] = document{"os": "unknown", "architecture": "unknown"}
	att["annotations"] = document{
		"vnd.docker.reference.type":   "attestation-manifest",
		"vnd.docker.reference.digest": image.digest.String(),
	}
	root := putManifest(t, r, "v1", document{
		"schemaVersion": 2, "mediaType": string(types.OCIImageIndex), "manifests": []document{platform, att},
	})
	return pushed{tag: image.tag, digest: hash(t, root)}, attestation
}

// buildkitManifest returns the attestation manifest for a statement: an artifact, or an
// image of an unknown platform as older versions write it.
func buildkitManifest(t *testing.T, r name.Repository, statement []byte, artifact bool) document {
	t.Helper()
	layer := putBlob(t, r, statement, inTotoType)
	layer["annotations"] = document{"in-toto.io/predicate-type": provenanceType}
	if artifact {
		doc := manifest(putBlob(t, r, []byte("{}"), emptyConfigType), layer)
		doc["artifactType"] = attestationType
		return doc
	}
	config := document{
		"architecture": "unknown", "os": "unknown", "config": document{},
		"rootfs": document{"type": "layers", "diff_ids": []string{digestOf(statement)}},
	}
	return manifest(putBlob(t, r, ok(json.Marshal(config))(t), imageConfigType), layer)
}

// emptyArchive is an empty tar archive, compressed.
const emptyArchive = "H4sIAAAAAAAA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA="

// pushChart pushes a Helm chart.
func pushChart(t *testing.T, repo string) pushed {
	t.Helper()
	r := pushed{tag: tagOf(repo)}.repository(t)
	config := putBlob(t, r, []byte(`{"name":"app","version":"1.0.0","apiVersion":"v2"}`), chartConfigType)
	layer := putBlob(t, r, ok(base64.StdEncoding.DecodeString(emptyArchive))(t), chartType)
	d := putManifest(t, r, "v1", manifest(config, layer))
	return pushed{tag: tagOf(repo), digest: hash(t, d)}
}
