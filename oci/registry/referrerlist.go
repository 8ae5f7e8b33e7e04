package registry

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

type referrerList struct {
	MediaType string           `json:"mediaType"`
	Manifests []oci.Descriptor `json:"manifests"`
}

// parseReferrers reads an index of referrers, as the API and the fallback tag
// give it. One bad entry spoils the list: to leave it out would be to lose it.
func parseReferrers(raw []byte) ([]oci.Descriptor, error) {
	var list referrerList
	if err := strict.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("want an index of referrers: %w", err)
	}
	// An empty list may be null, but a document of another kind, which has no
	// list either, must not pass for an empty one.
	if list.MediaType != oci.TypeIndex && (list.MediaType != "" || list.Manifests == nil) {
		return nil, fmt.Errorf("want an index of referrers (%s), found a document of media type %.100q", oci.TypeIndex, list.MediaType)
	}
	for i, d := range list.Manifests {
		if err := checkBlob(d); err != nil {
			return nil, fmt.Errorf("entry %d of the list of referrers: %w", i, err)
		}
	}
	return list.Manifests, nil
}
