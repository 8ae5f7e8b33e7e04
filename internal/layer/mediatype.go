package layer

import "strings"

// formats has the layer media types of the OCI image specification
// (layer.md, with the deprecated non-distributable ones), those of Docker's
// image manifest version 2 schema 2, and the zstd one that containerd writes
// beside them.
var formats = map[string]Format{
	"application/vnd.oci.image.layer.v1.tar":                       Tar,
	"application/vnd.oci.image.layer.v1.tar+gzip":                  Gzip,
	"application/vnd.oci.image.layer.v1.tar+zstd":                  Zstd,
	"application/vnd.oci.image.layer.nondistributable.v1.tar":      Tar,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": Gzip,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": Zstd,
	"application/vnd.docker.image.rootfs.diff.tar":                 Tar,
	"application/vnd.docker.image.rootfs.diff.tar.gzip":            Gzip,
	"application/vnd.docker.image.rootfs.diff.tar.zstd":            Zstd,
	"application/vnd.docker.image.rootfs.foreign.diff.tar":         Tar,
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":    Gzip,
}

// families are the beginnings that only image layers have.
var families = []string{
	"application/vnd.oci.image.layer.",
	"application/vnd.docker.image.rootfs.",
}

// FormatOf gives the format that a layer's media type promises. It returns
// false for types that are no image layers, such as those of artifacts. A
// type that belongs to image layers but is not known here (an encrypted
// layer, a spelling that differs in case) is ([Other], true), so that nothing
// which a runtime might unpack passes for an artifact.
func FormatOf(mediaType string) (Format, bool) {
	if f, ok := formats[mediaType]; ok {
		return f, true
	}
	lower := strings.ToLower(mediaType)
	for _, family := range families {
		if strings.HasPrefix(lower, family) {
			return Other, true
		}
	}
	return Other, false
}
