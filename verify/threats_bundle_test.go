package verify_test

import (
	"sync"
	"testing"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// sigstore signs the images of these tests.
var sigstore = sync.OnceValue(func() *fixture.Sigstore { return fixture.NewSigstore(&testing.T{}) })

// bare is an image without a signature, in a bundle without a key.
var bare = sync.OnceValue(func() []byte {
	t := &testing.T{}
	req := fixture.Request(t, "unsigned:v1")
	req.Keys = nil
	return fixture.Export(t, fixture.NewRegistry(), req)
})

// modern is one case of a Sigstore bundle that differs from a verified one in
// one thing.
type modern struct {
	name   string
	made   fixture.BundleStages
	by     *fixture.Sigstore // makes it, if not the one that is trusted
	trust  *fixture.Sigstore // nil: sigstore()
	root   func(*trustroot.TrustedRoot)
	beside func(*fixture.Forge) // adds something else first
	opt    func(*verify.Options)
	want   string // ids of the failed checks, in order; empty for verified
	warn   string // ids of the checks that warn, in order; empty is not compared
}

func (c *modern) build() ([]byte, verify.Options) {
	f, trusted := fixture.Open(bare()), sigstore()
	if c.trust != nil {
		trusted = c.trust
	}
	by := trusted
	if c.by != nil {
		by = c.by
	}
	if c.beside != nil {
		c.beside(f)
	}
	by.AttachForge(f, 0, c.made)
	opt := trusted.Options(trusted.TrustedRoot(c.root), c.made.Keyless)
	if c.opt != nil {
		c.opt(&opt)
	}
	return f.Build(), opt
}

func (c *modern) run(t *testing.T, class string) {
	t.Helper()
	raw, opt := c.build()
	answers(t, raw, opt, class, c.want, c.warn)
}

// modernThreats runs cases whose first failed check must be of one class. The same
// flavour without the change is verified.
func modernThreats(t *testing.T, class string, cases []modern) {
	t.Helper()
	checked := map[fixture.Flavour]bool{}
	for _, c := range cases {
		of := c.made.Flavour
		of.Unlogged = false // which is wrong by itself
		if !checked[of] {
			checked[of] = true
			(&modern{made: fixture.BundleStages{Flavour: of}, warn: "policy.reference-unbound"}).run(t, class)
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, class) })
	}
}

func TestControls(t *testing.T) {
	for _, keyless := range []bool{false, true} {
		for _, message := range []bool{false, true} {
			for _, f := range []fixture.Flavour{{}, {Stamped: true}, {Rekor2: true, Stamped: true}} {
				f.Keyless, f.Message = keyless, message
				(&modern{made: fixture.BundleStages{Flavour: f}, warn: "policy.reference-unbound"}).run(t, "")
			}
		}
	}
}
