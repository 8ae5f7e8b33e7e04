package archive

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// index is an index.json. Entries and members that others wrote are kept.
type index struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType,omitempty"`
	Manifests     []jsontext.Value `json:"manifests"`

	others map[string]jsontext.Value // members besides the above
}

// parseIndex reads an index.json.
func parseIndex(raw []byte) (x index, err error) {
	if err := strict.Unmarshal(raw, &x); err != nil {
		return x, err
	}
	if x.SchemaVersion != 2 {
		return x, fmt.Errorf("schemaVersion: want 2, found %d", x.SchemaVersion)
	}
	if err := json.Unmarshal(raw, &x.others); err != nil {
		return x, err
	}
	for _, known := range []string{"schemaVersion", "mediaType", "manifests"} {
		delete(x.others, known)
	}
	return x, nil
}

// marshal writes an index.json.
func (x *index) marshal() ([]byte, error) {
	raw, err := strict.Marshal(x)
	if err != nil || len(x.others) == 0 {
		return raw, err
	}
	all := map[string]jsontext.Value{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, x.others)
	return strict.Marshal(all)
}

// listing is what gapseal reads of an entry.
type listing struct {
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
}

// newIndex returns an index.json of these entries.
func newIndex(entries []oci.Descriptor) ([]byte, error) {
	x := index{SchemaVersion: 2, MediaType: oci.TypeIndex}
	if err := x.merge(entries); err != nil {
		return nil, err
	}
	return x.marshal()
}

// merge adds entries. An entry replaces one of the same name, unless that has the same
// digest. An entry without a name is added if its digest is not listed without a name.
func (x *index) merge(entries []oci.Descriptor) error {
	places, err := x.places()
	if err != nil {
		return err
	}
	for _, e := range entries {
		raw, err := strict.Marshal(&e)
		if err != nil {
			return err
		}
		key := placeKey(string(e.Digest), e.Annotations)
		at, found := places[key]
		switch {
		case !found:
			places[key] = place{len(x.Manifests), string(e.Digest)}
			x.Manifests = append(x.Manifests, raw)
		case at.digest != string(e.Digest):
			x.Manifests[at.index] = raw
		}
	}
	return nil
}

// place is where an entry stands, and its digest.
type place struct {
	index  int
	digest string
}

// placeKey returns the key under which an entry is found: its name, or its digest if it
// has none.
func placeKey(digest string, annotations map[string]string) string {
	if name := annotations[annotationName]; name != "" {
		return name
	}
	return "@" + digest
}

// places returns the place of each entry.
func (x *index) places() (map[string]place, error) {
	places := map[string]place{}
	for i, raw := range x.Manifests {
		var l listing
		if err := strict.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		key := placeKey(l.Digest, l.Annotations)
		if _, found := places[key]; !found {
			places[key] = place{i, l.Digest}
		}
	}
	return places, nil
}

// names returns the digest under each name.
func (x *index) names() (map[string]oci.Digest, error) {
	places, err := x.places()
	if err != nil {
		return nil, err
	}
	names := map[string]oci.Digest{}
	for name, p := range places {
		names[name] = oci.Digest(p.digest)
	}
	return names, nil
}

// has returns the key of the first entry that is not listed, empty if all are.
func (x *index) has(entries []oci.Descriptor) (missing string, err error) {
	places, err := x.places()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(entries, func(e oci.Descriptor) bool {
		return places[placeKey(string(e.Digest), e.Annotations)].digest != string(e.Digest)
	})
	if i < 0 {
		return "", nil
	}
	return placeKey(string(entries[i].Digest), entries[i].Annotations), nil
}
