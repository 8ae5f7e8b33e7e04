package verify_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestEveryField changes every JSON field of a bundle in every way that
// fixture.JSONMutations knows, hashes everything above it again, and expects a
// rejection, or a row of the table of exceptions and no harm.
func TestEveryField(t *testing.T) {
	c := newFieldCount()
	t.Run("one image", func(t *testing.T) {
		c.bundle(t, fixture.Bundle(t, "app-v3:v1"), func(fixture.Document, string) bool { return true })
	})
	t.Run("an index, narrowed", func(t *testing.T) {
		req := fixture.Request(t, "multi:v1")
		req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
		c.bundle(t, fixture.Export(t, fixture.NewRegistry(), req), func(d fixture.Document, path string) bool {
			return strings.HasPrefix(d.Name, "image") || strings.HasPrefix(d.Name, "inventory") && strings.HasPrefix(path, "/images/")
		})
	})
	t.Run("two images", func(t *testing.T) {
		c.bundle(t, fixture.Bundle(t, "app-v3:v1", "dockerv2:v1"), func(d fixture.Document, path string) bool {
			return strings.HasPrefix(d.Name, "inventory") && strings.Count(path, "/") < 3
		})
	})
	c.report(t)
}

// bundle changes the documents of one bundle; only chooses their fields.
func (c *fieldCount) bundle(t *testing.T, raw []byte, only func(d fixture.Document, path string) bool) {
	opt := fixture.Options()
	base, err := answer(raw, opt, asFile)
	if err != nil || base.Verdict != check.Verified {
		t.Fatalf("the bundle is not good to begin with: %v", err)
	}
	for i, d := range fixture.Documents(raw) {
		if again := d.Rewrite(d.Raw); again != nil && !bytes.Equal(again, raw) {
			t.Fatalf("%s: rewritten as it is, it gives another bundle", d.Name)
		}
		f := &fieldTest{T: t, fieldCount: c, doc: d, id: fmt.Sprint(t.Name(), i), raw: raw, base: base, opt: opt}
		var list []fixture.Mutation
		for _, m := range append(fixture.JSONMutations(d.Raw), additions(d)...) {
			if only(d, m.Path) {
				list = append(list, m)
			}
		}
		if len(list) > 0 {
			c.documents++
		}
		inParallel(len(list), func(i int) { f.mutation(list[i], i/stride%16 == 0) })
	}
}

// additions are members that readers know and that the documents lack.
func additions(d fixture.Document) (all []fixture.Mutation) {
	if d.Name != "signature manifest" {
		return nil
	}
	for _, a := range [][3]string{
		{"", "artifactType", `"application/vnd.dev.cosign.artifact.sig.v1+json"`},
		{"", "subject", `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + string(oci.EmptyDigest) + `","size":2}`},
		{"", "annotations", `{"a":"b"}`},
		{"", "manifests", `[]`},
		{"/config", "annotations", `{"a":"b"}`},
		{"/config", "data", `"e30="`},
		{"/config", "urls", `["https://example.com/"]`},
		{"/config", "platform", `{"os":"linux","architecture":"amd64"}`},
		{"/config", "artifactType", `"x"`},
		{"/layers/0", "data", `"e30="`},
		{"/layers/0", "urls", `["https://example.com/"]`},
		{"/layers/0", "platform", `{"os":"linux","architecture":"amd64"}`},
		{"/layers/0", "artifactType", `"x"`},
		{"/layers/0/annotations", "dev.sigstore.cosign/certificate", `"anything"`},
		{"/layers/0/annotations", "dev.sigstore.cosign/chain", `"anything"`},
		{"/layers/0/annotations", "dev.sigstore.cosign/rfc3161timestamp", `"anything"`},
	} {
		all = append(all, fixture.AddMember(d.Raw, a[0], a[1], a[2]))
	}
	return all
}

// fieldTest is one document of one bundle.
type fieldTest struct {
	*testing.T
	*fieldCount
	doc  fixture.Document
	id   string
	raw  []byte
	base *verify.Report
	opt  verify.Options
}

func (f *fieldTest) mutation(m fixture.Mutation, pipe bool) {
	changed := f.doc.Rewrite(m.JSON)
	same := changed == nil || bytes.Equal(changed, f.raw)
	var rep *verify.Report
	if !same {
		rep = f.ask(changed, m, pipe)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fields[f.id+m.Path] = true
	f.mutations++
	switch {
	case same:
		f.same++
	case rep == nil:
	case rep.Verdict == check.Rejected:
		f.rejected[fixture.Failed(rep)[0]]++
	default:
		f.verified(m, changed, rep)
	}
}

// ask returns the report, nil if the test has failed before.
func (f *fieldTest) ask(changed []byte, m fixture.Mutation, pipe bool) *verify.Report {
	rep, err := answer(changed, f.opt, asFile)
	if err != nil {
		f.Errorf("%s%s: %s: %v", f.doc.Name, m.Path, m.Kind, err)
		return nil
	}
	if pipe {
		if other, err := answer(changed, f.opt, asPipe); err != nil || other.Verdict != rep.Verdict {
			f.Errorf("%s%s: %s: %s as a file, not so through a pipe (%v)", f.doc.Name, m.Path, m.Kind, rep.Verdict, err)
		}
	}
	return rep
}

// verified compares a change that verifies with the table of exceptions.
func (f *fieldTest) verified(m fixture.Mutation, changed []byte, rep *verify.Report) {
	if e := freely(f.doc.Name, m.Path, m.Kind); e != nil {
		if harm := e.harmless(&outcome{base: f.base, got: rep}); harm != "" {
			f.failOnce("%s %q: %s: verifies, and is not harmless (%s): %s", f.doc.Name, m.Path, m.Kind, e.reason, harm)
		}
		f.excepted[e.reason]++
		return
	}
	row, ok := excepted(f.doc.Name, m.Path, m.Kind)
	if !ok {
		f.failOnce("%s %q: %s: verifies, and no exception allows it", f.doc.Name, m.Path, m.Kind)
		return
	}
	e := exceptions[row]
	o := &outcome{base: f.base, got: rep, demanded: func() []string { return f.demanded(changed) }}
	if harm := e.harmless(o); harm != "" {
		f.failOnce("%s %q: %s: verifies, and is not harmless (%s): %s", f.doc.Name, m.Path, m.Kind, e.reason, harm)
		return
	}
	f.excepted[e.reason]++
	f.used[fmt.Sprint(row, m.Kind)] = true
}

// failOnce fails the test, once for each kind of change.
func (f *fieldTest) failOnce(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !f.harmful[s] {
		f.harmful[s] = true
		f.Error(s)
	}
}

// demanded verifies with the images of the good bundle pinned.
func (f *fieldTest) demanded(changed []byte) []string {
	opt := f.opt
	for _, img := range f.base.Images {
		ref, err := oci.ParseReference(img.ClaimedReference + "@" + img.Digest)
		if err != nil {
			f.Error(err)
		}
		opt.Images = append(opt.Images, ref)
	}
	rep, err := answer(changed, opt, asFile)
	if err != nil {
		f.Error(err)
		return nil
	}
	return fixture.Failed(rep)
}
