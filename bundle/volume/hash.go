package volume

import (
	"context"
	"crypto/sha256"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/oci"
)

// hashBuffer is how much of a file is in memory while it is hashed.
const hashBuffer = 1 << 20

// Hash returns the SHA-256 of what r has from its beginning, up to size bytes.
// progress is told the bytes read and may be nil.
func Hash(ctx context.Context, r io.ReaderAt, size int64, progress func(int64)) (oci.Digest, error) {
	sum, buf := sha256.New(), make([]byte, hashBuffer)
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

// Describe returns the index of volumes that have just been written. It reads
// them again, since they are written in no order: a bundle is fetched over
// several connections at once, and a hash has to begin at the beginning.
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
