package policy

import (
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

// Draft returns a policy file for what a bundle holds, for a person to complete.
// Nothing of it is an anchor: who may sign is left open, digests and keys of the
// bundle are not in it, and the file is refused as long as it says that it is a
// draft.
func Draft(inv *bundle.Inventory) []byte {
	var b strings.Builder
	b.WriteString(`# A draft, made from what a bundle says of itself. Nothing in it was verified.
# Review each line, fill in who may sign, then remove the line "draft".
schema: ` + Schema + `
draft: true
name: to be named
images:
`)
	listed := map[string]bool{}
	for _, img := range inv.Images {
		ref, err := oci.ParseReference(img.Reference)
		if err != nil || listed[ref.Repository] {
			continue
		}
		listed[ref.Repository] = true
		b.WriteString("  - match: " + strconv.Quote(ref.Repository) + "\n")
		b.WriteString("    required: true\n")
		b.WriteString("    # Who may sign it. Get the key or the identity by another road than the\n")
		b.WriteString("    # bundle.\n")
		b.WriteString("    # keys: [{file: publisher.pub}]\n")
		b.WriteString("    # identities: [{identity: …, issuer: …}]\n")
		writePlatforms(&b, img.Platforms)
	}
	b.WriteString(`unlisted: refuse
rollback: warn
transfer:
  required: [id]  # and such as reason, operator, media.serial, scan.destination
`)
	return []byte(b.String())
}

func writePlatforms(b *strings.Builder, platforms []string) {
	if len(platforms) == 0 {
		return
	}
	quoted := make([]string, len(platforms))
	for i, p := range platforms {
		quoted[i] = strconv.Quote(p)
	}
	b.WriteString("    platforms: [" + strings.Join(quoted, ", ") + "]\n")
}
