package verify

import "github.com/gapseal/gapseal/internal/check"

// structural are the checks asked of every bundle as a whole. Where nothing
// failed or warned, one pass stands for all blobs.
var structural = []check.ID{
	check.LimitEntries, check.LimitIndex, check.LimitInventory, check.LimitMetadata, check.LimitTotal,
	check.ContainerWrapper, check.ContainerTruncated, check.ContainerType, check.ContainerName,
	check.ContainerHeader, check.ContainerDuplicate, check.ContainerOrder, check.ContainerPadding, check.ContainerEnd,
	check.LayoutMarker, check.LayoutIndex, check.LayoutInventory, check.LayoutName,
	check.LayoutMissing, check.LayoutUnlisted, check.LayoutRoles,
	check.BlobDigest, check.BlobSize,
}

// described are the checks asked of every document that the inventory reaches.
var described = []check.ID{
	check.LimitManifest, check.LimitConfig, check.LimitNesting, check.LimitImages, check.LimitDepth,
	check.BlobInline, check.ManifestJSON, check.ManifestMediaType, check.ManifestDigest, check.ManifestSize,
	check.ManifestForeign, check.ManifestChild, check.ManifestRunnable,
	check.ConfigJSON, check.ConfigDiffIDs, check.ConfigPlatform, check.PolicyUnsigned,
}

// structural adds a pass for each check that found nothing, and a skip where an
// earlier failure kept it from being asked.
func (s *session) structural() {
	s.passes(structural, !s.whole(), "not reached: the file cannot be read to its end")
	s.passes(described, s.c == nil, "not reached: the inventory cannot be read")
}

func (s *session) passes(ids []check.ID, broken bool, why string) {
	for _, id := range ids {
		if s.rec.has(id, Fail) || s.rec.has(id, Warn) {
			continue
		}
		if broken {
			s.rec.add(bundleWide, Skip, check.Fault{ID: id, Detail: why})
			continue
		}
		s.rec.add(bundleWide, Pass, check.Fault{ID: id})
	}
}
