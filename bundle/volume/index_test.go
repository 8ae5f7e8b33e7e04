package volume_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
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

// FuzzParseVolumes wants what is read as an index to be written back as the same
// bytes, and its sizes to add up.
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
	if got, err := volume.Parse(raw); err != nil || len(got.Volumes) != volume.MaxVolumes ||
		len(raw)*3 > volume.MaxIndex {
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
		"recovery digest": {func(x *volume.Index) { x.Recovery = &volume.Recovery{Digest: "x", Data: 1, Parity: 1} },
			"digest"},
		"recovery blocks": {func(x *volume.Index) { x.Recovery = &volume.Recovery{Digest: oci.EmptyDigest} },
			"recovery"},
	} {
		x := sample(3)
		c.change(x)
		if _, err := volume.Parse(marshal(t, x)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	good := string(marshal(t, sample(3)))
	for name, raw := range map[string]string{
		"white space": good + "\n", "before": " " + good,
		"unknown name": strings.Replace(good, `"recovery"`, `"more":1,"recovery"`, 1),
		"twice":        strings.Replace(good, `"recovery"`, `"schema":"x","recovery"`, 1),
		"case":         strings.Replace(good, `"whole"`, `"Whole"`, 1), "nothing": "",
		"too long": good + strings.Repeat(" ", volume.MaxIndex),
	} {
		if _, err := volume.Parse([]byte(raw)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNames(t *testing.T) {
	for base, want := range map[volume.Base][2]string{"d/app.tar": {"d/app.tar.007", "d/app.volumes.json"},
		"d/app": {"d/app.007", "d/app.volumes.json"}, "app.tar.gz": {"app.tar.gz.007", "app.tar.gz.volumes.json"}} {
		if base.Volume(7) != want[0] || base.Index() != want[1] {
			t.Errorf("%s: %s, %s", base, base.Volume(7), base.Index())
		}
	}
	for path, want := range map[string]string{
		"d/app.tar.001": "[d/app.tar]", "d/app.tar.rec.002": "[d/app.tar]", "d/app.volumes.json": "[d/app.tar d/app]",
		"app.recovery.json": "[app.tar app]",
		"app.tar":           "[app.tar]", "app.000": "[app.000]", "app.1": "[app.1]", ".001": "[.001]",
		"app.tar.01x": "[app.tar.01x]",
	} {
		if got := fmt.Sprint(volume.Bases(path)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]bool{"a.001": true, "a.002": false, "a.volumes.json": true,
		".volumes.json": false, "a.tar": false, "-": false, "": false, "a.json": false} {
		if volume.IsSet(path) != want {
			t.Errorf("IsSet(%q) is not %v", path, want)
		}
	}
}

// TestAnySplitGivesTheSame cuts good and bad bundles at many sizes, and wants the
// report to be the same as for the one file, byte for byte.
func TestAnySplitGivesTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for _, image := range []string{"app:v1", "wrongkey:v1"} {
		raw := fixture.Bundle(t, image)
		want := fixture.Verify(t, raw, fixture.Options())
		least := len(raw)/volume.MaxVolumes + 1
		sizes := []int{least, 511, 512, 4096, len(raw) - 1, len(raw), len(raw) + 1}
		for range 10 {
			sizes = append(sizes, least+rnd.IntN(len(raw)-least)/(1+rnd.IntN(8)))
		}
		for _, each := range sizes {
			base := cut(t, raw, int64(each))
			for _, name := range []string{base.Index(), base.Volume(1)} {
				if got := judge(t, name, fixture.Options()); !reflect.DeepEqual(got, want) {
					t.Errorf("%s in volumes of %d bytes: %s, failed %v, identity %s, %d checks; as one file %s, %v, %s, %d", image, each,
						got.Verdict, fixture.Failed(got), got.Bundle.Identity, len(got.Checks), want.Verdict,
						fixture.Failed(want), want.Bundle.Identity, len(want.Checks))
				}
			}
		}
		if (want.Verdict == check.Verified) != (image == "app:v1") {
			t.Errorf("%s is %s", image, want.Verdict)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		size, each int64
		want       string
	}{
		{10, 3, "[3 3 3 1]"}, {9, 3, "[3 3 3]"}, {3, 3, "[3]"}, {1, 100, "[1]"}, {999, 1, "999 volumes"},
		{1000, 1, "at least 2"}, {5, 0, "at least 1"}, {5, -1, "at least 1"},
	} {
		sizes, err := volume.Split(c.size, c.each)
		got := fmt.Sprint(sizes)
		if len(sizes) > 100 {
			got = fmt.Sprintf("%d volumes", len(sizes))
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("Split(%d, %d) = %s, want %s", c.size, c.each, got, c.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"1": 1, "512B": 512, "650MiB": 650 << 20, "4.7GB": 4_700_000_000, "1.5KiB": 1536, "0.001KB": 1, "2TiB": 2 << 40,
		"fat32": 4294967295, "FAT32": 4294967295, "cd": 733085696, "dvd": 4696178688, "dvd-dl": 8539471872,
		"bd": 24215814144,
	} {
		if got, err := volume.ParseSize(in); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "+1", "1.5", "1.GB", ".5GB", "1.2345GB", "1e3", "4 GB", "4gb", "floppy",
		"9999999999999999999", "99999999TiB", "0.0001GB", "1_000"} {
		if got, err := volume.ParseSize(bad); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

// plain is a file in memory.
type plain []byte

func (p plain) ReadAt(b []byte, off int64) (int, error)  { return bytes.NewReader(p).ReadAt(b, off) }
func (p plain) WriteAt(b []byte, off int64) (int, error) { return copy(p[off:], b), nil }

// TestSpan compares reads and writes across files of odd sizes, one of them empty,
// with those of one slice of bytes.
func TestSpan(t *testing.T) {
	var files []volume.File
	for _, n := range []int64{3, 0, 7, 1, 20} {
		p := make(plain, n)
		files = append(files, volume.File{ReaderAt: p, WriterAt: p, Size: n})
	}
	s := volume.NewSpan(files)
	want := []byte("abcdefghijklmnopqrstuvwxyz01234")
	for lo := 0; lo < len(want); lo += 4 {
		if n, err := s.WriteAt(want[lo:min(lo+4, len(want))], int64(lo)); err != nil || n != min(4, len(want)-lo) {
			t.Fatalf("write at %d: %d, %v", lo, n, err)
		}
	}
	for lo := range len(want) + 3 {
		for size := range len(want) + 3 {
			got := make([]byte, size)
			n, err := s.ReadAt(got, int64(lo))
			expected := want[min(lo, len(want)):min(lo+size, len(want))]
			if !bytes.Equal(got[:n], expected) || (err == io.EOF) != (len(expected) < size) ||
				err != nil && err != io.EOF {
				t.Errorf("read %d at %d: %q, %v", size, lo, got[:n], err)
			}
		}
	}
	if n, err := s.WriteAt([]byte("xy"), s.Size()-1); n != 1 || err != io.ErrShortWrite {
		t.Errorf("write past the end: %d, %v", n, err)
	}
}
