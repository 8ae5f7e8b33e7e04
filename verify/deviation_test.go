package verify_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// Three cases of the threat model cannot be built as a deviation of a bundle and are
// tested elsewhere: package main tests that a panic ends in an exit code other than
// 0, package bundle that export refuses wrong content from a registry, and the tests
// of signatures a payload whose digest is wrong.

// deviation is one case: a bundle that differs from a verified one in one thing.
// Everything that an attacker can make consistent with that is made consistent.
type deviation struct {
	name   string
	forge  func(*fixture.Forge)                // changes the image, which is signed again after that
	after  func(*fixture.Forge)                // changes the bundle, signatures and all
	files  func([]fixture.File) []fixture.File // changes the entries
	raw    func([]byte) []byte                 // changes the bytes
	opt    func(*verify.Options)               // changes the demands
	limits oci.Limits                          // zero fields mean the defaults
	base   func(testing.TB) []byte             // another bundle to start from
	want   string                              // ids of the failed checks in order; empty: verified
	pipe   string                              // the same for a pipe, where it cannot be the same
	warn   string                              // id that must be among the warnings
	detail string                              // that the first failure must contain
}

// deviate runs cases through a file and through a pipe. The first failed check
// must be of the class named.
func deviate(t *testing.T, class string, cases []deviation) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, class) })
	}
}

func (c *deviation) run(t *testing.T, class string) {
	raw, opt := c.build(t), publisher().Options()
	if c.opt != nil {
		c.opt(&opt)
	}
	pipe := c.pipe
	if pipe == "" {
		pipe = c.want
	}
	c.compare(t, "file", fixture.Verify(t, raw, opt, c.limits), c.want, class)
	c.compare(t, "pipe", fixture.VerifyStream(t, raw, opt, c.limits), pipe, class)
}

func (c *deviation) compare(t *testing.T, how string, rep *verify.Report, want, class string) {
	t.Helper()
	if failed := strings.Join(fixture.Failed(rep), " "); failed != want {
		t.Errorf("%s: failed [%s], want [%s]\n%s", how, failed, want, details(rep))
	}
	if want != "" && len(rep.Failures) > 0 && rep.Failures[0].Class != class {
		t.Errorf("%s: the first cause is of class %s, want %s", how, rep.Failures[0].Class, class)
	}
	if c.warn != "" && !slices.Contains(fixture.Warned(rep), c.warn) {
		t.Errorf("%s: warned %v, want %s among them", how, fixture.Warned(rep), c.warn)
	}
	if c.detail != "" && (len(rep.Failures) == 0 || !strings.Contains(rep.Failures[0].Detail, c.detail)) {
		t.Errorf("%s: the first failure does not say %q\n%s", how, c.detail, details(rep))
	}
}

// build makes the bundle: all its parts are good, except for what the case changes.
func (c *deviation) build(t *testing.T) []byte {
	base := soloBundle
	if c.base != nil {
		base = c.base
	}
	f := fixture.Open(base(t))
	if c.forge != nil {
		c.forge(f)
	}
	for i := range f.Inventory.Images {
		publisher().SignForge(f, i)
	}
	if c.after != nil {
		c.after(f)
	}
	files := f.Files()
	if c.files != nil {
		files = c.files(files)
	}
	raw := fixture.Pack(files)
	if c.raw != nil {
		raw = c.raw(raw)
	}
	return raw
}

// soloBundle holds one image of one platform; multiBundle an index of two.
func soloBundle(t testing.TB) []byte  { return bytes.Clone(solo(t)) }
func multiBundle(t testing.TB) []byte { return bytes.Clone(multi(t)) }

var (
	soloOnce  = sync.OnceValue(func() []byte { return unsigned(&testing.T{}, "unsigned:v1") })
	multiOnce = sync.OnceValue(func() []byte {
		reg := fixture.NewRegistry()
		for name := range reg.Tags {
			if strings.HasSuffix(name, ".sig") {
				delete(reg.Tags, name)
			}
		}
		return fixture.Export(&testing.T{}, reg, publisher().Request(&testing.T{}, "multi:v1"))
	})
)

func solo(testing.TB) []byte  { return soloOnce() }
func multi(testing.TB) []byte { return multiOnce() }

const endOfArchive = 1 << 30

// offset finds the header of an entry: counted from the end if negative, -2 for
// the first of two layers.
func offset(raw []byte, entry int) int {
	at := fixture.Offsets(raw)
	switch {
	case entry == endOfArchive:
		return at[len(at)-1]
	case entry < 0:
		return at[len(at)-1+entry]
	}
	return at[entry]
}

// poke sets one byte of an entry, counted from its header, or from its end if
// negative.
func poke(entry, off int, value byte) func([]byte) []byte {
	return func(raw []byte) []byte {
		at := offset(raw, entry) + off
		if off < 0 {
			ends := fixture.Offsets(raw)
			at = ends[slices.Index(ends, offset(raw, entry))+1] + off
		}
		raw[at] = value
		return raw
	}
}

// field overwrites part of a header and corrects its checksum.
func field(entry, off int, value string) func([]byte) []byte {
	return func(raw []byte) []byte {
		header := raw[offset(raw, entry):]
		copy(header[off:], value)
		fixture.Checksum(header)
		return raw
	}
}

// base256 writes the size of an entry in the encoding for sizes from 8 GiB on.
func base256(raw []byte, entry int) []byte {
	header := raw[offset(raw, entry):]
	var size int64
	for _, c := range header[124:135] {
		size = size<<3 | int64(c-'0')
	}
	copy(header[124:136], "\x80\x00\x00\x00")
	binary.BigEndian.PutUint64(header[128:136], uint64(size))
	fixture.Checksum(header)
	return raw
}

// inserting puts an entry before another one.
func inserting(before int, entry []byte) func([]byte) []byte {
	return func(raw []byte) []byte { return slices.Insert(raw, offset(raw, before), entry...) }
}
