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
	"github.com/gapseal/gapseal/verify/check"
)

// TestAnySplitGivesTheSame cuts good and bad bundles at many sizes, and wants
// the whole report to be that of the one file, byte for byte of what it says.
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
						got.Verdict, fixture.Failed(got), got.Bundle.Identity, len(got.Checks), want.Verdict, fixture.Failed(want), want.Bundle.Identity, len(want.Checks))
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
		{10, 3, "[3 3 3 1]"}, {9, 3, "[3 3 3]"}, {3, 3, "[3]"}, {1, 100, "[1]"}, {999, 1, "999 volumes"}, {1000, 1, "at least 2"}, {5, 0, "at least 1"}, {5, -1, "at least 1"},
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
		"fat32": 4294967295, "FAT32": 4294967295, "cd": 733085696, "dvd": 4696178688, "dvd-dl": 8539471872, "bd": 24215814144,
	} {
		if got, err := volume.ParseSize(in); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "+1", "1.5", "1.GB", ".5GB", "1.2345GB", "1e3", "4 GB", "4gb", "floppy", "9999999999999999999", "99999999TiB", "0.0001GB", "1_000"} {
		if got, err := volume.ParseSize(bad); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

// plain is a file in memory.
type plain []byte

func (p plain) ReadAt(b []byte, off int64) (int, error)  { return bytes.NewReader(p).ReadAt(b, off) }
func (p plain) WriteAt(b []byte, off int64) (int, error) { return copy(p[off:], b), nil }

// TestSpan holds reads and writes across files of odd sizes, an empty one too,
// against one slice of bytes.
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
			if !bytes.Equal(got[:n], expected) || (err == io.EOF) != (len(expected) < size) || err != nil && err != io.EOF {
				t.Errorf("read %d at %d: %q, %v", size, lo, got[:n], err)
			}
		}
	}
	if n, err := s.WriteAt([]byte("xy"), s.Size()-1); n != 1 || err != io.ErrShortWrite {
		t.Errorf("write past the end: %d, %v", n, err)
	}
}
