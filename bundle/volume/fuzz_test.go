package volume_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// sample is an index of n volumes of 10 bytes.
func sample(n int) *volume.Index {
	x := &volume.Index{Schema: volume.Schema, Whole: volume.Whole{Size: int64(10 * n), Digest: oci.EmptyDigest}}
	for i := range n {
		x.Volumes = append(x.Volumes, volume.Volume{Number: i + 1, Size: 10, Digest: oci.FromBytes([]byte{byte(i)})})
	}
	return x
}

func marshal(t testing.TB, x *volume.Index) []byte {
	t.Helper()
	raw, err := x.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// FuzzParseVolumes: whatever is read as an index is written back to the same
// bytes, and its sizes add up.
func FuzzParseVolumes(f *testing.F) {
	x := sample(3)
	f.Add(marshal(f, x))
	x.Recovery = &volume.Recovery{Digest: oci.EmptyDigest, Data: 200, Parity: 20}
	f.Add(marshal(f, x))
	f.Add([]byte(`{"schema":"gapseal.volumes/v1","whole":{"size":9223372036854775807,"digest":""},"volumes":[{"number":1,"size":1,"digest":""}],"recovery":null}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := volume.Parse(raw)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		if !bytes.Equal(marshal(t, x), raw) {
			t.Error("another way to write an index is read, too")
		}
		sum := int64(0)
		for _, v := range x.Volumes {
			sum += v.Size
		}
		if sum != x.Whole.Size || len(x.Volumes) > volume.MaxVolumes {
			t.Errorf("%d volumes of %d bytes for %d", len(x.Volumes), sum, x.Whole.Size)
		}
	})
}

func TestTheLargestIndexIsWithinItsBudget(t *testing.T) {
	x := sample(volume.MaxVolumes)
	each := int64(1<<50) / volume.MaxVolumes
	for i := range x.Volumes {
		x.Volumes[i].Size = each
	}
	x.Whole.Size = each * volume.MaxVolumes
	x.Recovery = &volume.Recovery{Digest: oci.EmptyDigest, Data: 255, Parity: 255}
	raw := marshal(t, x)
	if got, err := volume.Parse(raw); err != nil || len(got.Volumes) != volume.MaxVolumes || len(raw)*3 > volume.MaxIndex {
		t.Errorf("%d bytes: %v", len(raw), err)
	}
}

func TestRefusedIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*volume.Index)
		says   string
	}{
		"schema":             {func(x *volume.Index) { x.Schema = "gapseal.volumes/v2" }, "schema"},
		"no volumes":         {func(x *volume.Index) { x.Volumes = nil }, "1 to 999 volumes"},
		"too many volumes":   {func(x *volume.Index) { *x = *sample(1000) }, "1 to 999 volumes, found 1000"},
		"no size":            {func(x *volume.Index) { x.Whole.Size = 0 }, "size of the whole"},
		"negative":           {func(x *volume.Index) { x.Whole.Size = -30 }, "size of the whole"},
		"enormous":           {func(x *volume.Index) { x.Whole.Size = 1<<50 + 1 }, "size of the whole"},
		"sum too small":      {func(x *volume.Index) { x.Whole.Size = 20 }, "lists 3 volumes"},
		"sum too large":      {func(x *volume.Index) { x.Whole.Size = 31 }, "lists 3 volumes"},
		"volume of no bytes": {func(x *volume.Index) { x.Volumes[0].Size = 0 }, "more than 999"},
		"negative volume":    {func(x *volume.Index) { x.Volumes[0].Size = -1 }, "more than 999"},
		"odd middle":         {func(x *volume.Index) { x.Volumes[1].Size = 9 }, "volume 2"},
		"numbers":            {func(x *volume.Index) { x.Volumes[1].Number = 3 }, "volume 2"},
		"digest":             {func(x *volume.Index) { x.Volumes[2].Digest = "sha256:../../etc" }, "digest"},
		"digest of whole":    {func(x *volume.Index) { x.Whole.Digest = "" }, "digest"},
		"recovery digest":    {func(x *volume.Index) { x.Recovery = &volume.Recovery{Digest: "x", Data: 1, Parity: 1} }, "digest"},
		"recovery blocks":    {func(x *volume.Index) { x.Recovery = &volume.Recovery{Digest: oci.EmptyDigest} }, "recovery"},
	} {
		x := sample(3)
		c.change(x)
		if _, err := volume.Parse(marshal(t, x)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	good := string(marshal(t, sample(3)))
	for name, raw := range map[string]string{
		"white space": good + "\n", "before": " " + good, "unknown name": strings.Replace(good, `"recovery"`, `"more":1,"recovery"`, 1),
		"twice": strings.Replace(good, `"recovery"`, `"schema":"x","recovery"`, 1), "case": strings.Replace(good, `"whole"`, `"Whole"`, 1), "nothing": "",
		"too long": good + strings.Repeat(" ", volume.MaxIndex),
	} {
		if _, err := volume.Parse([]byte(raw)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNames(t *testing.T) {
	for base, want := range map[volume.Base][2]string{"d/app.tar": {"d/app.tar.007", "d/app.volumes.json"}, "d/app": {"d/app.007", "d/app.volumes.json"}, "app.tar.gz": {"app.tar.gz.007", "app.tar.gz.volumes.json"}} {
		if base.Volume(7) != want[0] || base.Index() != want[1] {
			t.Errorf("%s: %s, %s", base, base.Volume(7), base.Index())
		}
	}
	for path, want := range map[string]string{
		"d/app.tar.001": "[d/app.tar]", "d/app.tar.rec.002": "[d/app.tar]", "d/app.volumes.json": "[d/app.tar d/app]", "app.recovery.json": "[app.tar app]",
		"app.tar": "[app.tar]", "app.000": "[app.000]", "app.1": "[app.1]", ".001": "[.001]", "app.tar.01x": "[app.tar.01x]",
	} {
		if got := fmt.Sprint(volume.Bases(path)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]bool{"a.001": true, "a.002": false, "a.volumes.json": true, ".volumes.json": false, "a.tar": false, "-": false, "": false, "a.json": false} {
		if volume.IsSet(path) != want {
			t.Errorf("IsSet(%q) is not %v", path, want)
		}
	}
}
