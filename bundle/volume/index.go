package volume

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Schema is the schema of an index of volumes.
const Schema = "gapseal.volumes/v1"

// MaxIndex is how large an index may be, in bytes: three times what 999 volumes
// take.
const MaxIndex = 512 << 10

// maxWhole keeps sums of sizes from overflowing.
const maxWhole = 1 << 50

// Index lists the volumes of one bundle. Its JSON form is canonical: the same
// index is always the same bytes.
type Index struct {
	Schema   string    `json:"schema"`
	Whole    Whole     `json:"whole"`
	Volumes  []Volume  `json:"volumes"`
	Recovery *Recovery `json:"recovery"` // nil without recovery volumes
}

// Whole describes the bundle as one file. The file need not exist.
type Whole struct {
	Size   int64      `json:"size"` // in bytes
	Digest oci.Digest `json:"digest"`
}

// Volume describes one volume.
type Volume struct {
	Number int        `json:"number"` // counted from 1
	Size   int64      `json:"size"`   // in bytes
	Digest oci.Digest `json:"digest"`
}

// Recovery names the index of recovery blocks that belongs to a bundle.
type Recovery struct {
	Digest oci.Digest `json:"digest"`
	Data   int        `json:"dataBlocks"`
	Parity int        `json:"parityBlocks"`
}

// Marshal returns the canonical JSON form of the index.
func (x *Index) Marshal() ([]byte, error) { return strict.Marshal(x) }

// Parse reads an index strictly: unknown members are refused, the bytes must be
// those that [Index.Marshal] writes, and the sizes those that [Split] returns.
func Parse(raw []byte) (*Index, error) {
	if len(raw) > MaxIndex {
		return nil, fmt.Errorf("has more than %d bytes", MaxIndex)
	}
	var x Index
	if err := strict.UnmarshalOwn(raw, &x); err != nil {
		return nil, err
	}
	if x.Schema != Schema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", Schema, x.Schema)
	}
	return &x, x.check()
}

func (x *Index) check() error {
	if x.Whole.Size < 1 || x.Whole.Size > maxWhole {
		return fmt.Errorf("the size of the whole: want 1 to %d bytes, found %d", int64(maxWhole), x.Whole.Size)
	}
	if n := len(x.Volumes); n < 1 || n > MaxVolumes {
		return fmt.Errorf("want 1 to %d volumes, found %d", MaxVolumes, n)
	}
	if err := x.checkSizes(); err != nil {
		return err
	}
	digests := []oci.Digest{x.Whole.Digest}
	for _, v := range x.Volumes {
		digests = append(digests, v.Digest)
	}
	if r := x.Recovery; r != nil {
		if r.Data < 1 || r.Parity < 1 {
			return fmt.Errorf("recovery: want at least 1 block of data and 1 of parity, found %d and %d",
				r.Data, r.Parity)
		}
		digests = append(digests, r.Digest)
	}
	for _, d := range digests {
		if _, err := oci.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) checkSizes() error {
	sizes, err := Split(x.Whole.Size, x.Volumes[0].Size)
	if err != nil {
		return err
	}
	if len(sizes) != len(x.Volumes) {
		return fmt.Errorf("lists %d volumes where their size makes %d", len(x.Volumes), len(sizes))
	}
	for i, v := range x.Volumes {
		if v.Number != i+1 || v.Size != sizes[i] {
			return fmt.Errorf("volume %d: want %d bytes, found number %d with %d bytes",
				i+1, sizes[i], v.Number, v.Size)
		}
	}
	return nil
}

// IndexError reports why an index cannot be used.
type IndexError struct{ Path, Reason string }

// Error names the file and what is wrong with it.
func (e *IndexError) Error() string { return e.Path + ": the index of volumes " + e.Reason }

// ReadIndex reads an index of volumes from a regular file. The error is an
// [*IndexError] if the file is not an index or a damaged medium does not return
// its content, otherwise what the operating system said.
func ReadIndex(path string) (*Index, error) {
	f, _, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxIndex+1))
	if err != nil {
		return nil, &IndexError{path, "cannot be read: " + err.Error()}
	}
	x, err := Parse(raw)
	if err != nil {
		return nil, &IndexError{path, err.Error()}
	}
	return x, nil
}

// Describe returns the index of volumes that have just been written. It reads the
// files again, because a hash needs its bytes in order, and the files are not written
// in order: blobs are fetched over several connections at once. progress is
// called with each number of bytes read; it may be nil.
func Describe(ctx context.Context, files []File, progress func(int64)) (*Index, error) {
	whole := NewSpan(files)
	x := &Index{Schema: Schema, Whole: Whole{Size: whole.Size()}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		x.Whole.Digest, err = Hash(ctx, whole, whole.Size(), progress)
		return err
	})
	digests, err := hashAll(ctx, files, nil)
	if werr := group.Wait(); err == nil {
		err = werr
	}
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		x.Volumes = append(x.Volumes, Volume{Number: i + 1, Size: f.Size, Digest: digests[i]})
	}
	return x, nil
}

// hashBuffer is how many bytes of a file are in memory while it is hashed.
const hashBuffer = 1 << 20

// Hash returns the SHA-256 of the first size bytes of r, or of all of r if it
// has fewer. progress is called with each number of bytes read; it may be nil.
func Hash(ctx context.Context, r io.ReaderAt, size int64, progress func(int64)) (oci.Digest, error) {
	sum := sha256.New()
	buf := make([]byte, hashBuffer)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := r.ReadAt(buf[:min(hashBuffer, size-off)], off)
		sum.Write(buf[:n])
		if off += int64(n); progress != nil {
			progress(int64(n))
		}
		if err == io.EOF && n > 0 {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return oci.FromSum([sha256.Size]byte(sum.Sum(nil))), nil
}

// hashAll is Hash for several files at once, on all cores.
func hashAll(ctx context.Context, files []File, progress func(int64)) ([]oci.Digest, error) {
	list := make([]oci.Digest, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		group.Go(func() (err error) {
			list[i], err = Hash(ctx, f.ReaderAt, f.Size, progress)
			return err
		})
	}
	return list, group.Wait()
}

// CheckOne compares one volume, whose name ends in its number, with an index, and
// returns its row of the index. The error is a [*check.Fault] of
// class media if the volume is not what the index lists, otherwise what the
// operating system said. Neither result is a verdict on the bundle.
func CheckOne(ctx context.Context, path string, x *Index, progress func(int64)) (Volume, error) {
	_, n := Number(path)
	name := filepath.Base(path)
	if n < 1 || n > len(x.Volumes) {
		return Volume{}, &check.Fault{ID: check.MediaForeign, Subject: name,
			Detail:   "the index lists no volume of this number",
			Expected: fmt.Sprintf("1 to %d", len(x.Volumes)), Found: fmt.Sprint(n)}
	}
	v := x.Volumes[n-1]
	f, size, err := open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	if size != v.Size {
		return v, x.wrongSize(n, name, size)
	}
	d, err := Hash(ctx, f, size, progress)
	if err == nil && d != v.Digest {
		err = x.wrongDigest(n, name, d)
	}
	return v, err
}

// nth names volume n in a message.
func (x *Index) nth(n int) string { return fmt.Sprintf("volume %d of %d", n, len(x.Volumes)) }

// wrongSize reports that the file name, volume n, does not have the size that
// the index lists.
func (x *Index) wrongSize(n int, name string, found int64) *check.Fault {
	want := x.Volumes[n-1].Size
	f := &check.Fault{ID: check.MediaSize, Subject: name, Detail: x.nth(n) + " is truncated",
		Expected: fmt.Sprintf("%d bytes", want), Found: fmt.Sprintf("%d bytes", found)}
	if found > want {
		f.Detail = x.nth(n) + " is longer than it should be"
	}
	return f
}

// wrongDigest reports that the file name is not volume n, and which volume of
// the index it is, if it is one.
func (x *Index) wrongDigest(n int, name string, found oci.Digest) *check.Fault {
	f := &check.Fault{ID: check.MediaDamaged, Subject: name, Detail: x.nth(n) + " is damaged, or of another bundle",
		Expected: string(x.Volumes[n-1].Digest), Found: string(found)}
	if i := x.find(found); i > 0 {
		f.ID = check.MediaSwapped
		f.Detail = fmt.Sprintf("%s has the content of volume %d", x.nth(n), i)
	}
	return f
}

// find returns the number of the volume with that digest, 0 if there is none.
func (x *Index) find(d oci.Digest) int {
	return 1 + slices.IndexFunc(x.Volumes, func(v Volume) bool { return v.Digest == d })
}
