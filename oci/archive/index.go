package archive

import (
	"bytes"
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

// newIndex returns an index.json of these entries.
func newIndex(entries []oci.Descriptor) ([]byte, error) {
	x := index{SchemaVersion: 2, MediaType: oci.TypeIndex}
	if err := x.merge(entries); err != nil {
		return nil, err
	}
	return x.marshal()
}

// merge makes each entry the only meaning of its name: programs that read the index differ
// in the annotation, and in which of several entries they take. An entry without a name
// becomes the only one for its digest that has no name.
func (x *index) merge(entries []oci.Descriptor) error {
	want, found := map[string]oci.Descriptor{}, map[string]bool{}
	for _, e := range entries {
		want[nameOf(e)] = e
	}
	kept := []jsontext.Value{}
	for _, raw := range x.Manifests {
		l, err := parseListing(raw)
		if err != nil {
			return err
		}
		if raw, err = l.without(raw, want); err != nil {
			return err
		}
		if raw != nil {
			kept = append(kept, raw)
			name := nameOf(l.Descriptor)
			found[name] = found[name] || l.is(want[name])
		}
	}
	for _, e := range entries {
		if found[nameOf(e)] {
			continue
		}
		raw, err := strict.Marshal(&e)
		if err != nil {
			return err
		}
		kept = append(kept, raw)
	}
	x.Manifests = kept
	return nil
}

// listing is an entry of an index.json.
type listing struct{ oci.Descriptor }

func parseListing(raw jsontext.Value) (l listing, err error) {
	if err := strict.Unmarshal(raw, &l.Descriptor); err != nil {
		return l, fmt.Errorf("an entry of manifests: %w", err)
	}
	return l, nil
}

// nameOf returns the name of an entry, or its digest if it has no name.
func nameOf(d oci.Descriptor) string {
	if name := d.Annotations[annotationName]; name != "" {
		return name
	}
	return "@" + string(d.Digest)
}

// nameAnnotations are those by which programs look up an entry.
var nameAnnotations = []string{annotationName, annotationContainerd}

// named reports whether an entry has a name.
func (l listing) named() bool {
	return slices.ContainsFunc(nameAnnotations, func(a string) bool { return l.Annotations[a] != "" })
}

// leadsTo reports whether an entry describes the content that e describes, and brings
// nothing that could take its place.
func (l listing) leadsTo(e oci.Descriptor) bool {
	return l.Digest == e.Digest && l.MediaType == e.MediaType && l.Size == e.Size && len(l.URLs) == 0 &&
		len(l.Data) == 0
}

// is reports whether an entry says the same as e, so that e need not be added. An entry of
// another program may lack the annotation of containerd.
func (l listing) is(e oci.Descriptor) bool {
	name, other := l.Annotations[annotationName], l.Annotations[annotationContainerd]
	return l.leadsTo(e) && l.Platform == nil && name == e.Annotations[annotationName] &&
		(other == "" || other == name)
}

// without takes from an entry each name of an entry in want that says something else. It
// returns nil if that leaves no name.
func (l listing) without(raw jsontext.Value, want map[string]oci.Descriptor) (jsontext.Value, error) {
	if !l.named() {
		if e, found := want["@"+string(l.Digest)]; found && !l.is(e) {
			return nil, nil
		}
		return raw, nil
	}
	var taken []string
	for _, a := range nameAnnotations {
		name := l.Annotations[a]
		e, found := want[name]
		if found && !l.is(e) && (l.Annotations[annotationName] == name || !l.leadsTo(e)) {
			taken = append(taken, a)
		}
	}
	if len(taken) == 0 {
		return raw, nil
	}
	for _, a := range taken {
		delete(l.Annotations, a)
	}
	if !l.named() {
		return nil, nil
	}
	return replaceAnnotations(raw, l.Annotations)
}

// replaceAnnotations returns an entry with other annotations and all its other members.
func replaceAnnotations(raw jsontext.Value, annotations map[string]string) (jsontext.Value, error) {
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	text, err := strict.Marshal(annotations)
	if err != nil {
		return nil, err
	}
	members["annotations"] = text
	return strict.Marshal(members)
}

// names returns the digests that each name leads to, in the order of the entries.
func (x *index) names() (map[string][]oci.Digest, error) {
	names := map[string][]oci.Digest{}
	for _, raw := range x.Manifests {
		l, err := parseListing(raw)
		if err != nil {
			return nil, err
		}
		for _, a := range nameAnnotations {
			name := l.Annotations[a]
			if name != "" && !slices.Contains(names[name], l.Digest) {
				names[name] = append(names[name], l.Digest)
			}
		}
	}
	return names, nil
}

// has returns the name of the first entry that is not listed, or is not the only meaning of
// its name; empty if all are as merge leaves them.
func (x *index) has(entries []oci.Descriptor) (missing string, err error) {
	if same, err := x.unchangedBy(entries); same || err != nil {
		return "", err
	}
	for _, e := range entries {
		if same, err := x.unchangedBy([]oci.Descriptor{e}); !same || err != nil {
			return nameOf(e), err
		}
	}
	return "", nil
}

// unchangedBy reports whether merge would change nothing.
func (x *index) unchangedBy(entries []oci.Descriptor) (bool, error) {
	merged := *x
	err := merged.merge(entries)
	return slices.EqualFunc(merged.Manifests, x.Manifests, func(a, b jsontext.Value) bool {
		return bytes.Equal(a, b)
	}), err
}
