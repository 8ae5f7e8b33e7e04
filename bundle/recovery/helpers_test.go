package recovery

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// ram is a file in memory.
type ram []byte

func (m ram) ReadAt(p []byte, off int64) (int, error)  { return bytes.NewReader(m).ReadAt(p, off) }
func (m ram) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }

func quiet(int64) {}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// made is the files of a bundle with recovery volumes, by name.
type made struct {
	index *Index
	files map[string][]byte
}

// protect makes volumes of each bytes, and recovery volumes for percent.
func protect(t testing.TB, whole []byte, percent int, each int64) made {
	t.Helper()
	x, sizes, err := Plan(int64(len(whole)), percent, each)
	if err != nil {
		t.Fatal(err)
	}
	var parity []volume.File
	for _, n := range sizes {
		m := make(ram, n)
		parity = append(parity, volume.File{ReaderAt: m, WriterAt: m, Size: n})
	}
	x.Whole.Digest = oci.FromBytes(whole)
	if err := x.Encode(context.Background(), bytes.NewReader(whole), volume.NewSpan(parity), quiet); err != nil {
		t.Fatal(err)
	}
	set, err := newSet(x, "app.tar")
	if err != nil {
		t.Fatal(err)
	}
	m := made{x, map[string][]byte{}}
	at := 0
	for _, f := range set.data() {
		m.files[f.name] = whole[at : at+int(f.size)]
		at += int(f.size)
	}
	for i, f := range set.members[len(set.data()):] {
		m.files[f.name] = append([]byte(parity[i].ReaderAt.(ram)), f.tail...)
	}
	return m
}

// open scans the files of a set as they are now; a file that is nil is missing.
func (m made) open(t testing.TB, now map[string][]byte) *set {
	t.Helper()
	set, err := newSet(m.index, "app.tar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set.members {
		if raw := now[f.name]; raw != nil {
			f.in, f.found = bytes.NewReader(raw), int64(len(raw))
		}
	}
	if err := set.scan(context.Background(), quiet); err != nil {
		t.Fatal(err)
	}
	return set
}

// copies returns copies of the files, for a test to damage.
func (m made) copies() map[string][]byte {
	c := map[string][]byte{}
	for name, raw := range m.files {
		c[name] = bytes.Clone(raw)
	}
	return c
}

// repair rebuilds every file that is damaged or missing, and wants the original
// bytes.
func (m made) repair(t testing.TB, now map[string][]byte) error {
	t.Helper()
	set := m.open(t, now)
	out := map[*member]output{}
	for _, f := range set.members {
		if f.problem() != "" || len(set.ranges(f)) > 0 {
			out[f] = make(ram, f.full())
		}
	}
	if err := set.rebuild(context.Background(), out, quiet); err != nil {
		return err
	}
	for f, w := range out {
		if !bytes.Equal(w.(ram), m.files[f.name]) {
			t.Errorf("%s: rebuilt to other bytes", f.name)
		}
	}
	for _, f := range set.members {
		if raw := now[f.name]; out[f] == nil && !bytes.Equal(raw, m.files[f.name]) {
			t.Errorf("%s: damaged, and left alone", f.name)
		}
	}
	return nil
}
