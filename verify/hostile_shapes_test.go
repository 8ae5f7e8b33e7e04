package verify_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// shaped makes images of the shapes that real tools push.
type shaped struct {
	t   *testing.T
	reg *fixture.Registry
}

func (s *shaped) blob(mediaType string, raw []byte) map[string]any {
	s.reg.Blobs[oci.FromBytes(raw)] = raw
	return map[string]any{"mediaType": mediaType, "digest": oci.FromBytes(raw), "size": len(raw)}
}

// manifest pushes an image manifest and returns its descriptor for an index.
func (s *shaped) manifest(mediaType string, platform map[string]any, members map[string]any) map[string]any {
	members["schemaVersion"], members["mediaType"] = 2, mediaType
	d := s.blob(mediaType, jsonOf(s.t, members))
	d["platform"] = platform
	return d
}

// image is a runnable image of one layer.
func (s *shaped) image(manifestType, configType, layerType, architecture string) map[string]any {
	layer := archive(s.t, architecture, 700)
	config := jsonOf(s.t, map[string]any{"os": "linux", "architecture": architecture,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []oci.Digest{oci.FromBytes(layer)}}})
	return s.manifest(manifestType, map[string]any{"os": "linux", "architecture": architecture}, map[string]any{
		"config": s.blob(configType, config), "layers": []any{s.blob(layerType, gzipMembers(s.t, layer))}})
}

func (s *shaped) ociImage() map[string]any {
	return s.image(oci.TypeManifest, oci.TypeConfig, gzipLayer, "amd64")
}

func (s *shaped) dockerImage() map[string]any {
	return s.image(oci.TypeDockerManifest, oci.TypeDockerConfig, "application/vnd.docker.image.rootfs.diff.tar.gzip", "arm64")
}

// provenance is BuildKit's attestation about an image, as a child of the same index:
// with the config of an image that runs nowhere, or as an OCI artifact.
func (s *shaped) provenance(of map[string]any, artifact bool) map[string]any {
	statement := jsonOf(s.t, map[string]any{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2", "predicate": map[string]any{}, "subject": []any{}})
	layer := s.blob(oci.TypeInToto, statement)
	layer["annotations"] = map[string]string{"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
	config := s.blob(oci.TypeConfig, jsonOf(s.t, map[string]any{"architecture": "unknown", "os": "unknown", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{layer["digest"]}}}))
	members := map[string]any{"config": config, "layers": []any{layer}}
	if artifact {
		members["config"], members["artifactType"] = s.blob(oci.TypeEmpty, []byte("{}")), "application/vnd.docker.attestation.manifest.v1+json"
		members["subject"] = map[string]any{"mediaType": of["mediaType"], "digest": of["digest"], "size": of["size"]}
	}
	d := s.manifest(oci.TypeManifest, map[string]any{"os": "unknown", "architecture": "unknown"}, members)
	d["annotations"] = map[string]any{"vnd.docker.reference.digest": of["digest"], "vnd.docker.reference.type": "attestation-manifest"}
	return d
}

// TestShapesOfRealTools: what buildx and Docker push is verified, with and without
// unpacking.
func TestShapesOfRealTools(t *testing.T) {
	s := &shaped{t, fixture.NewRegistry()}
	amd64, arm64 := s.ociImage(), s.dockerImage()
	for _, c := range []struct {
		name, mediaType string
		children        []any
	}{
		{"buildx, attestations as images", oci.TypeIndex, []any{amd64, s.provenance(amd64, false)}},
		{"buildx, attestations as artifacts", oci.TypeIndex, []any{amd64, s.provenance(amd64, true)}},
		{"Docker's manifest list", oci.TypeDockerList, []any{arm64}},
		{"Docker's images in an OCI index", oci.TypeIndex, []any{amd64, arm64, s.provenance(arm64, false)}},
		{"one child under two platforms", oci.TypeIndex, []any{arm64, onPlatform(arm64, map[string]any{"os": "linux", "architecture": "arm64", "variant": "v8"})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			reg := s.reg.Clone()
			d := reg.Push(fixture.Host+"made", "v1", c.mediaType, jsonOf(t, map[string]any{"schemaVersion": 2, "mediaType": c.mediaType, "manifests": c.children}))
			publisher().Sign(reg, fixture.Host+"made", d.Digest)
			opt := publisher().Options()
			opt.Deep = true
			rep := fixture.Verify(t, fixture.Export(t, reg, publisher().Request(t, "made:v1")), opt)
			if got := strings.Join(fixture.Failed(rep), " "); got != "" {
				t.Errorf("failed [%s]\n%s", got, details(rep))
			}
			if strings.Contains(strings.Join(rep.Images[0].Platforms, " "), "unknown") {
				t.Errorf("platforms %v", rep.Images[0].Platforms)
			}
		})
	}
}

func onPlatform(d, platform map[string]any) map[string]any {
	return map[string]any{"mediaType": d["mediaType"], "digest": d["digest"], "size": d["size"], "platform": platform}
}

// TestShapeOfPodman: containers/image writes the signature's manifest without history
// and annotations, and the payload with a creator and a time.
func TestShapeOfPodman(t *testing.T) {
	threats(t, "", []threat{{name: "podman's", signed: []fixture.Stages{{
		Reference: fixture.Host + "unsigned:v1",
		Optional:  map[string]any{"creator": "containers/image 5.30.0", "timestamp": 1700000000},
	}}, warn: "policy.reference-unbound"}})
}
