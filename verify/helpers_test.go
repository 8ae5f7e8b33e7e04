package verify_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// publisher signs the images of these tests, properly except for the one thing that
// a case changes.
var publisher = sync.OnceValue(func() *fixture.Signer { return fixture.NewSigner(&testing.T{}) })

// threat is one case: a bundle that differs from a verified one in one thing.
type threat struct {
	name   string
	signed []fixture.Stages // none: one good signature
	by     *fixture.Signer  // nil: the publisher
	real   bool             // leaves the signatures of testdata as they are
	forge  func(*fixture.Forge)
	opt    func(*verify.Options)
	limits oci.Limits // zero fields mean the defaults
	want   string     // ids of the failed checks, in order; empty for verified
	warn   string     // ids of the checks that warn, in order; empty is not compared
}

func (c *threat) build(t *testing.T, base []byte) ([]byte, verify.Options) {
	t.Helper()
	f, by := fixture.Open(base), publisher()
	if c.by != nil {
		by = c.by
	}
	opt := publisher().Options()
	if c.real {
		opt = fixture.Options()
	}
	for i := range f.Inventory.Images {
		if !c.real {
			by.SignForge(f, i, c.signed...)
		}
	}
	if c.forge != nil {
		c.forge(f)
	}
	if c.opt != nil {
		c.opt(&opt)
	}
	return f.Build(), opt
}

func (c *threat) run(t *testing.T, base []byte, class string) {
	t.Helper()
	raw, opt := c.build(t, base)
	answers(t, raw, opt, class, c.want, c.warn, c.limits)
}

// answers compares the failed checks of a bundle, read from a file and through a
// pipe, in order, and the class of the first; and the warnings with the notes about
// evidence that is not needed, unless none are given.
func answers(t *testing.T, raw []byte, opt verify.Options, class, want, warn string, lim ...oci.Limits) {
	t.Helper()
	for how, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, opt, lim...), "pipe": fixture.VerifyStream(t, raw, opt, lim...)} {
		if failed := strings.Join(fixture.Failed(rep), " "); failed != want {
			t.Errorf("%s: failed [%s], want [%s]\n%s", how, failed, want, details(rep))
		}
		warned := slices.Clone(fixture.Warned(rep))
		for _, id := range fixture.Noted(rep) {
			warned = append(warned, "note:"+id)
		}
		if warned := strings.Join(warned, " "); warn != "" && warned != warn {
			t.Errorf("%s: warned [%s], want [%s]", how, warned, warn)
		}
		if want != "" && (len(rep.Failures) == 0 || rep.Failures[0].Class != class) {
			t.Errorf("%s: the first cause is not of class %s", how, class)
		}
	}
}

// threats runs cases whose first failed check must be of one class. The bundle
// that they start from is verified, or they would prove nothing.
func threats(t *testing.T, class string, cases []threat) {
	t.Helper()
	base := unsigned(t, "unsigned:v1")
	(&threat{warn: "policy.reference-unbound"}).run(t, base, class)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, base, class) })
	}
}

// threatsTo is threats for real signatures on images of testdata.
func threatsTo(t *testing.T, class string, images []string, warn string, cases []threat) {
	t.Helper()
	base := fixture.Bundle(t, images...)
	(&threat{real: true, warn: warn}).run(t, base, class)
	for _, c := range cases {
		c.real = true
		t.Run(c.name, func(t *testing.T) { c.run(t, base, class) })
	}
}

// unsigned exports images of testdata with the publisher's key in the bundle.
func unsigned(t testing.TB, images ...string) []byte {
	t.Helper()
	return fixture.Export(t, fixture.NewRegistry(), publisher().Request(t, images...))
}

func details(rep *verify.Report) string {
	var lines []string
	for _, f := range rep.Failures {
		lines = append(lines, string(f.ID)+": "+f.Detail+" expected "+string(f.Expected)+" found "+string(f.Found))
	}
	return strings.Join(lines, "\n")
}

// statusOf returns the status of the first check of that id; empty if there is
// none.
func statusOf(rep *verify.Report, id string) check.Status {
	i := slices.IndexFunc(rep.Checks, func(c verify.Check) bool { return string(c.ID) == id })
	if i < 0 {
		return ""
	}
	return rep.Checks[i].Status
}
