package recovery_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// memory is a file in memory.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error)  { return bytes.NewReader(m).ReadAt(p, off) }
func (m memory) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }

func quiet(int64) {}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// made is a bundle with its parity, as files by name.
type made struct {
	index *recovery.Index
	files map[string][]byte
}

// protect makes the volumes of a bundle, and recovery volumes for percent.
func protect(t testing.TB, whole []byte, percent int, each int64) made {
	t.Helper()
	x, sizes, err := recovery.Layout(int64(len(whole)), percent, each)
	if err != nil {
		t.Fatal(err)
	}
	var parity []volume.File
	for _, n := range sizes {
		m := make(memory, n)
		parity = append(parity, volume.File{ReaderAt: m, WriterAt: m, Size: n})
	}
	x.Whole.Digest = oci.FromBytes(whole)
	if err := x.Encode(context.Background(), bytes.NewReader(whole), volume.NewSpan(parity), quiet); err != nil {
		t.Fatal(err)
	}
	set, err := recovery.NewSet(x, "app.tar")
	if err != nil {
		t.Fatal(err)
	}
	m := made{x, map[string][]byte{}}
	at := 0
	for _, f := range set.Data() {
		m.files[f.Name] = whole[at : at+int(f.Size)]
		at += int(f.Size)
	}
	for i, f := range set.Files[len(set.Data()):] {
		m.files[f.Name] = append([]byte(parity[i].ReaderAt.(memory)), f.Tail...)
	}
	return m
}

// open lists the files of a set as they are now; nil is a missing one.
func (m made) open(t testing.TB, now map[string][]byte) *recovery.Set {
	t.Helper()
	set, err := recovery.NewSet(m.index, "app.tar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set.Files {
		if raw := now[f.Name]; raw != nil {
			f.In, f.Found = bytes.NewReader(raw), int64(len(raw))
		}
	}
	if err := set.Scan(context.Background(), quiet); err != nil {
		t.Fatal(err)
	}
	return set
}

// copies returns the files, free to be damaged.
func (m made) copies() map[string][]byte {
	c := map[string][]byte{}
	for name, raw := range m.files {
		c[name] = bytes.Clone(raw)
	}
	return c
}

// repair rebuilds every file that is not as it should be, and demands identical
// bytes.
func (m made) repair(t testing.TB, now map[string][]byte) error {
	t.Helper()
	set := m.open(t, now)
	out := map[*recovery.File]recovery.Output{}
	for _, f := range set.Files {
		if f.Fault() != "" || len(set.Lost(f)) > 0 {
			out[f] = make(memory, f.Full())
		}
	}
	if err := set.Rebuild(context.Background(), out, quiet); err != nil {
		return err
	}
	for f, w := range out {
		if !bytes.Equal(w.(memory), m.files[f.Name]) {
			t.Errorf("%s: rebuilt to other bytes", f.Name)
		}
	}
	for _, f := range set.Files {
		if raw := now[f.Name]; out[f] == nil && !bytes.Equal(raw, m.files[f.Name]) {
			t.Errorf("%s: damaged, and left alone", f.Name)
		}
	}
	return nil
}
