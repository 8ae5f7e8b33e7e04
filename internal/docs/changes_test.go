package docs

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// changes are those that docs/cosign-save.md makes to a folder saved by cosign,
// here made to a bundle. The last recomputes every digest that leads to the
// manifest, in index.json and the inventory too, as an attacker would.
var changes = []struct {
	what string
	make func([]byte) []byte
}{
	{"none", func(b []byte) []byte { return b }},
	{"one byte of a layer flipped", func(b []byte) []byte { return flipLayer(nil, b) }},
	{"a layer deleted", func(b []byte) []byte {
		files := fixture.Files(b)
		return fixture.Pack(files[:len(files)-1])
	}},
	{"the image's manifest edited in place", editInPlace},
	{"another manifest under its own digest, and everything else rewritten to match", func(b []byte) []byte {
		f := fixture.Open(b)
		f.Edit(f.Inventory.Images[0].Digest, dropLayer)
		return f.Build()
	}},
}

func dropLayer(manifest string) string {
	return manifest[:strings.LastIndex(manifest, `,{"mediaType"`)] + manifest[strings.LastIndex(manifest, "]"):]
}

func editInPlace(b []byte) []byte {
	image := fixture.Open(b).Inventory.Images[0].Digest
	files := fixture.Files(b)
	for i, f := range files {
		if oci.FromBytes(f.Data) == image {
			files[i].Data = []byte(dropLayer(string(f.Data)))
		}
	}
	return fixture.Pack(files)
}

func changeParts() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"same changes": sameChanges}
}

func sameChanges(t testing.TB) string {
	rows := [][]string{{"change to the bundle", "verdict", "failed checks"}}
	for _, c := range changes {
		rep := fixture.Verify(t, c.make(fixture.Bundle(t, "app:v1")), options(t))
		var ids []string
		for _, id := range fixture.Failed(rep) {
			ids = append(ids, code(id))
		}
		rows = append(rows, []string{c.what, string(rep.Verdict), strings.Join(ids, ", ")})
	}
	return table(rows...)
}
