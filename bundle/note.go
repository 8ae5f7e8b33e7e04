package bundle

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// blob records that something points at d in a role.
func (w *walker) blob(d oci.Descriptor, role Role) {
	if d.Digest == oci.EmptyDigest {
		if d.Size != 2 {
			w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "size of the empty config", Expected: "2", Found: fmt.Sprint(d.Size)})
		}
		return // stands in the file as the inventory's config
	}
	if d.Size < 0 {
		w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "negative size", Found: fmt.Sprint(d.Size)})
		return
	}
	b := w.blobs[d.Digest]
	if b == nil {
		b = &Blob{Digest: d.Digest, Size: d.Size}
		w.blobs[d.Digest] = b
	}
	if b.Size != d.Size {
		w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "two descriptors of one blob give two sizes",
			Expected: fmt.Sprint(b.Size), Found: fmt.Sprint(d.Size)})
	}
	if !slices.Contains(b.Roles, role) {
		b.Roles = append(b.Roles, role)
	}
}

// manifest returns the parsed document d points at, nil if it cannot be used.
// Its faults are told once.
func (w *walker) manifest(d oci.Descriptor) *oci.Manifest {
	role := RoleManifest
	if oci.IsIndex(d.MediaType) {
		role = RoleIndex
	}
	w.blob(d, role)
	key := document{d.Digest, d.MediaType}
	if m, ok := w.parsed[key]; ok {
		return m
	}
	raw, ok := w.Meta[d.Digest]
	if !ok {
		return nil
	}
	m, faults := oci.ParseManifest(raw, d.MediaType)
	w.parsed[key] = m
	for _, f := range faults {
		if f.Subject == "" {
			f.Subject = string(d.Digest)
		}
		w.faults.add(f)
	}
	if m != nil {
		w.Manifests[d.Digest] = m
	}
	return m
}

// parts records a manifest's config and layers. The layers of evidence have
// roles of their own.
func (w *walker) parts(d oci.Digest, m *oci.Manifest, layerRole Role) {
	key := part{d, layerRole}
	if w.noted[key] {
		return
	}
	w.noted[key] = true
	w.blob(m.Config, RoleConfig)
	for _, l := range m.Layers {
		if len(l.URLs) > 0 {
			continue // told as foreign: it may be here or not
		}
		role := layerRole
		if role == RoleEvidence {
			role = evidenceRole(l)
		}
		w.blob(l, role)
	}
}

func evidenceRole(l oci.Descriptor) Role {
	switch {
	case l.MediaType == oci.TypeSimpleSigning:
		return RolePayload
	case l.Size <= oci.MaxJudgedEvidence:
		return RoleEvidence
	}
	return RoleUnjudged
}

// platformOf names the platform of a manifest: by the index, else by its config.
func (w *walker) platformOf(n TreeNode, m *oci.Manifest) []string {
	if !m.HasImageConfig() {
		return nil
	}
	name := ""
	if n.Platform == nil {
		name = w.configured(m.Config.Digest)
	} else if n.Platform.OS != "unknown" { // build attestations ride along as children of an unknown platform
		name = n.Platform.String()
	}
	if name == "" {
		return nil
	}
	return []string{name}
}

// configured returns the platform that a config names, empty if it names none.
func (w *walker) configured(d oci.Digest) string {
	c, _ := w.Config(d)
	if c == nil || c.OS == "" {
		return ""
	}
	return c.Platform().String()
}

// PlatformName names a platform as os/architecture[/variant], for a message.
func PlatformName(p *oci.Platform) string {
	if p == nil {
		return "unknown platform"
	}
	return p.String()
}
