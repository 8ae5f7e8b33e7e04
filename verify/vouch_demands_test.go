package verify_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestDemandsOnASignatureAreNotIgnored demands of an image for which the sender
// may vouch what only a signature can meet.
func TestDemandsOnASignatureAreNotIgnored(t *testing.T) {
	pinned := func(r *verify.Rule) {
		way(check.VouchedBySender, "")(r)
		r.Keys = nil
		r.Digests = []oci.Digest{fixture.Open(strippedImages["multi:v1"]()).Inventory.Images[0].Digest}
	}
	sealed := func(f *fixture.Forge) { f.Seal = sealer().Seal }
	set := func(c func(*verify.Options)) func(*verify.Options) {
		return func(o *verify.Options) { o.SealKeys = sealer().Keys(); c(o) }
	}
	for name, demand := range map[string]func(*verify.Options){
		"max age":                   func(o *verify.Options) { o.MaxAge = time.Second },
		"two logs":                  func(o *verify.Options) { o.RequireLogs = 2 },
		"a timestamp":               func(o *verify.Options) { o.RequireTimestamps = 1 },
		"annotations":               func(o *verify.Options) { o.Annotations = map[string]string{"a": "b"} },
		"a signature each platform": func(o *verify.Options) { o.RequireChildren = true },
		"an inclusion proof":        func(o *verify.Options) { o.RequireInclusion = true },
	} {
		vouchCases(t, []vouchCase{{name: name, forge: sealed, rule: pinned, want: "policy.sender", opt: set(demand)}})
	}
}

// TestOneManifestForTwoPlatforms names a manifest for a second platform, which is
// not allowed.
func TestOneManifestForTwoPlatforms(t *testing.T) {
	vouchCases(t, []vouchCase{{
		name: "the second platform", want: "policy.platform", forge: secondPlatform,
		rule: func(r *verify.Rule) {
			r.OnlyPlatforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
		},
	}})
}

func secondPlatform(f *fixture.Forge) {
	f.Edit(f.Inventory.Images[0].Digest, func(raw string) string {
		var index map[string]any
		_ = json.Unmarshal([]byte(raw), &index)
		list := index["manifests"].([]any)
		child := maps.Clone(list[0].(map[string]any))
		child["platform"] = map[string]any{"os": "windows", "architecture": "amd64"}
		index["manifests"] = append(list, child)
		edited, _ := json.Marshal(index)
		return string(edited)
	})
	f.Inventory.Images[0].Platforms = append(f.Inventory.Images[0].Platforms, "windows/amd64")
	sigstore().AttachForge(f, 0, fixture.BundleStages{})
}
