package verify

import (
	"maps"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// blobs lists every blob of the inventory for the report: what it is, whose it
// is, and in which state it was found. The bundle's own follow, and others, which
// should not be there.
func (s *session) blobs(rep *Report) {
	if s.c == nil {
		return
	}
	types, images := s.owners()
	for _, b := range s.c.Inventory.Blobs {
		roles := make([]string, len(b.Roles))
		for i, r := range b.Roles {
			roles[i] = string(r)
		}
		rep.Blobs = append(rep.Blobs, Blob{Digest: string(b.Digest), Size: b.Size, MediaType: Text(types[b.Digest]), Roles: roles,
			Images: append([]string{}, images[b.Digest]...), State: s.state(b.Digest)})
	}
	s.ownBlobs(rep)
	for _, f := range rep.Failures {
		if f.ID == check.LayoutUnlisted && f.Subject != "" { // the last only counts those not told
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(f.Subject), Roles: []string{}, Images: []string{}, State: "unlisted"})
		}
	}
}

// ownBlobs adds the blobs that no inventory lists because they are its own or the
// seal's. No others are held beside those that it lists.
func (s *session) ownBlobs(rep *Report) {
	listed := make(map[oci.Digest]bool, len(s.c.Inventory.Blobs))
	for _, b := range s.c.Inventory.Blobs {
		listed[b.Digest] = true
	}
	for _, d := range slices.Sorted(maps.Keys(s.c.Meta)) {
		if !listed[d] {
			rep.Blobs = append(rep.Blobs, Blob{Digest: string(d), Size: int64(len(s.c.Meta[d])), Roles: []string{"own"}, Images: []string{}, State: "intact"})
		}
	}
}

// maxOwners bounds the images named for one blob: a bundle can list one image
// under many names.
const maxOwners = 16

// owners gives each blob's media type and the images that it belongs to, whether
// as content or as evidence.
func (s *session) owners() (types map[oci.Digest]string, images map[oci.Digest][]string) {
	types, images = map[oci.Digest]string{}, map[oci.Digest][]string{}
	note := func(owner string, d oci.Descriptor) {
		if types[d.Digest] == "" {
			types[d.Digest] = d.MediaType
		}
		if list := images[d.Digest]; owner != "" && len(list) < maxOwners && !slices.Contains(list, owner) {
			images[d.Digest] = append(list, owner)
		}
	}
	manifest := func(owner string, d oci.Descriptor) {
		if len(images[d.Digest]) >= maxOwners {
			return // nor is there room for its parts
		}
		note(owner, d)
		if m := s.graph.Manifests[d.Digest]; m != nil && !oci.IsIndex(m.MediaType) {
			note(owner, m.Config)
			for _, l := range m.Layers {
				note(owner, l)
			}
		}
	}
	for _, g := range s.graph.Images {
		for _, n := range g.Tree {
			manifest(string(g.Digest), n.Descriptor())
		}
		for _, ev := range g.Evidence {
			manifest(string(g.Digest), ev.Descriptor())
		}
	}
	for _, k := range s.c.Inventory.Keys {
		manifest("", k.Descriptor())
	}
	return types, images
}
