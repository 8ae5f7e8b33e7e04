package verify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestChildSignatures: a signed index vouches for its platforms by digest, and
// the report says so. If each platform must be signed, one that is not is a
// rejection.
func TestChildSignatures(t *testing.T) {
	s := fixture.NewSigner(t)
	reg := fixture.NewRegistry()
	repository := fixture.Host + "multi"
	root := reg.Tags[repository+":v1"]
	var index struct{ Manifests []oci.Descriptor }
	if err := json.Unmarshal(reg.Blobs[root.Digest], &index); err != nil {
		t.Fatal(err)
	}
	children := index.Manifests
	if len(children) != 2 {
		t.Fatalf("multi:v1 has %d children", len(children))
	}
	for _, c := range []struct {
		name   string
		sign   []oci.Digest
		demand bool
		want   string
		says   string
	}{
		{"index alone", []oci.Digest{root.Digest}, false, "", "2 platforms by digest; signed in their own right: 0"},
		{"index and all", []oci.Digest{root.Digest, children[0].Digest, children[1].Digest}, true, "", "2 platforms by digest; signed in their own right: 2"},
		{"index alone, each demanded", []oci.Digest{root.Digest}, true, "policy.child-signature", ""},
		{"one child missing", []oci.Digest{root.Digest, children[0].Digest}, true, "policy.child-signature", ""},
		{"children alone", []oci.Digest{children[0].Digest, children[1].Digest}, true, "signature.present", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			reg := fixture.NewRegistry()
			for _, d := range []oci.Digest{root.Digest, children[0].Digest, children[1].Digest} {
				delete(reg.Tags, repository+":sha256-"+d.Hex()+".sig")
			}
			for _, d := range c.sign {
				s.Sign(reg, repository, d)
			}
			opt := s.Options()
			opt.RequireChildren = c.demand
			rep := fixture.Verify(t, fixture.Export(t, reg, s.Request(t, "multi:v1")), opt)
			if got := strings.Join(fixture.Failed(rep), " "); got != c.want {
				t.Fatalf("failed %q, want %q", got, c.want)
			}
			said := slices.ContainsFunc(rep.Checks, func(k verify.Check) bool {
				return k.ID == "policy.child-signature" && k.Status == check.Pass && strings.Contains(k.Detail, c.says)
			})
			if said != (c.want == "") {
				t.Errorf("the report says %q: %v", c.says, said)
			}
		})
	}
}
