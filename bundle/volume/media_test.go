package volume_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// mishap is something that may happen to volumes, and what the report should say.
type mishap struct {
	make       func(t *testing.T, b volume.Base)
	want, warn string // the checks that failed, and those of class media that warned
	says       string // in the first failure
}

// TestWhatCanHappenToVolumes wants exactly the expected checks to fail and to warn:
// those of the medium first, and none that they explain.
func TestWhatCanHappenToVolumes(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	other := fixture.Bundle(t, "app:v2")
	each := int64(len(raw)/3 + 1)
	for name, c := range map[string]mishap{
		"nothing":        {func(*testing.T, volume.Base) {}, "", "", ""},
		"first missing":  {remove(1), "media.missing", "", "volume 1 of 3 is missing"},
		"second missing": {remove(2), "media.missing", "", "volume 2 of 3 is missing"},
		"last missing":   {remove(3), "media.missing", "", "volume 3 of 3 is missing"},
		"two missing": {func(t *testing.T, b volume.Base) { remove(1)(t, b); remove(3)(t, b) },
			"media.missing", "", "volume 1 of 3 is missing"},
		"truncated": {edit(2, func(b []byte) []byte { return b[:len(b)-1] }), "media.size", "",
			"volume 2 of 3 is truncated"},
		"last truncated": {edit(3, func(b []byte) []byte { return b[:len(b)-1] }), "media.size", "",
			"volume 3 of 3 is truncated"},
		"empty": {edit(1, func(b []byte) []byte { return nil }), "media.size", "",
			"volume 1 of 3 is truncated"},
		"longer": {edit(2, func(b []byte) []byte { return append(b, 0) }), "media.size", "",
			"volume 2 of 3 is longer"},
		"last longer": {edit(3, func(b []byte) []byte { return append(b, 0) }), "media.size", "",
			"volume 3 of 3 is longer"},
		"damaged": {edit(3, func(b []byte) []byte { b[600] ^= 1; return b }),
			"media.damaged blob.digest", "", "volume 3 of 3 is damaged"},
		"copy of another": {func(t *testing.T, b volume.Base) { write(t, b.Volume(2), read(t, b.Volume(1))) },
			"media.swapped", "", "volume 2 of 3 has the content of volume 1"},
		"swapped": {swap, "media.swapped", "", "volume 1 of 3 has the content of volume 2"},
		"of another set": {foreign(other, each), "media.foreign", "",
			"volume 2 of 3 is volume 2 of another set"},
		"index of another": {func(t *testing.T, b volume.Base) {
			write(t, b.Index(), read(t, cut(t, other, each).Index()))
		}, "", "media.size", ""},
		"index of other content": {relabel, "", "", ""},
		"index too short": {func(t *testing.T, b volume.Base) {
			write(t, b.Index(), read(t, cut(t, raw[:5000], 2000).Index()))
		}, "", "media.size", ""},
		"index too long": {func(t *testing.T, b volume.Base) {
			write(t, b.Index(), read(t, cut(t, append(slices.Clone(raw), raw...), each).Index()))
		}, "", "media.size media.missing", ""},
		"index of fewer": {func(t *testing.T, b volume.Base) {
			write(t, b.Index(), read(t, cut(t, raw[:2*each], each).Index()))
		}, "", "media.index", ""},
		"an old volume more": {func(t *testing.T, b volume.Base) { write(t, b.Volume(4), raw[:100]) }, "", "", ""},
		"an old volume more, and one damaged": {func(t *testing.T, b volume.Base) {
			write(t, b.Volume(4), raw[:100])
			edit(3, func(b []byte) []byte { b[600] ^= 1; return b })(t, b)
		}, "media.damaged blob.digest", "", "volume 3 of 3 is damaged"},
		"index damaged": {func(t *testing.T, b volume.Base) { write(t, b.Index(), []byte("{}")) }, "",
			"media.index", ""},
		"index huge": {func(t *testing.T, b volume.Base) { write(t, b.Index(), make([]byte, volume.MaxIndex+1)) },
			"", "media.index", ""},
	} {
		t.Run(name, func(t *testing.T) {
			base := cut(t, raw, each)
			c.make(t, base)
			c.check(t, judge(t, base.Index(), fixture.Options()))
		})
	}
}

// check wants the report to say first what happened.
func (c mishap) check(t *testing.T, rep *verify.Report) {
	t.Helper()
	failed := strings.Join(fixture.Failed(rep), " ")
	if c.want == "media.swapped" || c.want == "media.foreign" {
		// The failures that follow depend on which content is where.
		failed, _, _ = strings.Cut(failed, " ")
	}
	if failed != c.want {
		t.Errorf("failed [%s], want [%s]", strings.Join(fixture.Failed(rep), " "), c.want)
	}
	var warned []string
	for _, id := range fixture.Warned(rep) {
		if strings.HasPrefix(id, "media.") {
			warned = append(warned, id)
		}
	}
	if got := strings.Join(warned, " "); !sameWords(got, c.warn) {
		t.Errorf("warned [%s], want [%s]", got, c.warn)
	}
	if c.says != "" && (len(rep.Failures) == 0 || !strings.Contains(rep.Failures[0].Detail, c.says) ||
		!strings.HasPrefix(string(rep.Failures[0].Subject), "app.tar.00")) {
		t.Errorf("the first failure says %+v", rep.Failures)
	}
}

// relabel writes an index with wrong digests and the right sizes.
func relabel(t *testing.T, b volume.Base) {
	x, err := volume.ReadIndex(b.Index())
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Volumes {
		x.Volumes[i].Digest = x.Whole.Digest
	}
	writeIndex(t, b, x)
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func remove(n int) func(*testing.T, volume.Base) {
	return func(t *testing.T, b volume.Base) {
		if err := os.Remove(b.Volume(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func edit(n int, how func([]byte) []byte) func(*testing.T, volume.Base) {
	return func(t *testing.T, b volume.Base) { write(t, b.Volume(n), how(read(t, b.Volume(n)))) }
}

func swap(t *testing.T, b volume.Base) {
	one, two := read(t, b.Volume(1)), read(t, b.Volume(2))
	write(t, b.Volume(1), two)
	write(t, b.Volume(2), one)
}

// foreign replaces volume 2 by that of another set, whose index lies beside it.
func foreign(other []byte, each int64) func(*testing.T, volume.Base) {
	return func(t *testing.T, b volume.Base) {
		from := cut(t, other, each)
		write(t, b.Volume(2), read(t, from.Volume(2)))
		write(t, filepath.Join(filepath.Dir(string(b)), "other.volumes.json"), read(t, from.Index()))
	}
}

// TestACutAnywhereIsNotBlamedOnThePublisher cuts a bundle in two at many places, and
// removes the second volume.
func TestACutAnywhereIsNotBlamedOnThePublisher(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	places := []int{len(raw) - 1, len(raw) - 512, len(raw) - 513, len(raw) - 1024, len(raw) - 1025}
	for each := len(raw) / 20; each < len(raw); each += 331 {
		places = append(places, each)
	}
	for _, each := range places {
		base := cut(t, raw, int64(each))
		remove(2)(t, base)
		failed := fixture.Failed(judge(t, base.Index(), fixture.Options()))
		if !slices.Equal(failed, []string{"media.missing"}) {
			t.Errorf("cut at %d: failed %v", each, failed)
		}
	}
}

// TestTwiceInSeveralFolders finds a volume in two folders. Equal copies are not a
// fault. Of different copies the index chooses one, in either order; if it lists
// neither, the bundle is rejected.
func TestTwiceInSeveralFolders(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	base := cut(t, raw, int64(len(raw)/3+1))
	dir := t.TempDir()
	second := base.In(dir).Volume(2)
	good := read(t, base.Volume(2))
	bad := slices.Clone(good)
	bad[700] ^= 1
	for name, c := range map[string]struct {
		here, there []byte
		failed      string
		warned      bool
	}{
		"equal": {good, good, "", false}, "the other is bad": {good, bad, "", true},
		"this is bad": {bad, good, "", true}, "the other is cut": {good, good[:100], "", true},
		"both are bad": {bad, good[:100], "media.duplicate", false},
	} {
		write(t, base.Volume(2), c.here)
		write(t, second, c.there)
		rep := judge(t, base.Index(), fixture.Options(), dir)
		first, _, _ := strings.Cut(strings.Join(fixture.Failed(rep), " "), " ")
		if first != c.failed || slices.Contains(fixture.Warned(rep), "media.duplicate") != c.warned {
			t.Errorf("%s: failed %v, warned %v", name, fixture.Failed(rep), fixture.Warned(rep))
		}
	}
}
