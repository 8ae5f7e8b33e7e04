package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// BenchmarkVerifyVolumes verifies the bundle of [BenchmarkVerify] from seven
// volumes. It reports the ratio to verifying it from one file.
func BenchmarkVerifyVolumes(b *testing.B) {
	base, size := volumes(b, 7)
	var ours, theirs time.Duration
	b.SetBytes(size)
	for b.Loop() {
		ours += timed(func() { verifyVolumes(b, base) })
		theirs += timed(func() { verifyFile(b, string(base), size) })
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-file")
}

// BenchmarkDescribe hashes seven volumes and the whole bundle in one pass, as
// export does. It reports the ratio to hashing the bundle in one file.
func BenchmarkDescribe(b *testing.B) {
	base, size := volumes(b, 7)
	files := opened(b, base, size, 7)
	var ours, theirs time.Duration
	b.SetBytes(size)
	for b.Loop() {
		ours += timed(func() {
			_, err := volume.Describe(context.Background(), files, nil)
			check(b, err)
		})
		theirs += timed(func() { hashFile(b, string(base)) })
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-sha256")
}

// BenchmarkRecovery computes and writes ten percent of parity.
func BenchmarkRecovery(b *testing.B) {
	base, size := volumes(b, 7)
	whole := volume.NewSpan(opened(b, base, size, 7))
	out, err := os.Create(filepath.Join(b.TempDir(), "parity"))
	check(b, err)
	defer out.Close()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		x, _, err := recovery.Plan(size, 10, 0)
		check(b, err)
		check(b, x.Encode(context.Background(), whole, out, func(int64) {}))
	}
}

// volumes writes the bundle as one file, and as n volumes with their index.
func volumes(b *testing.B, n int64) (base volume.Base, size int64) {
	b.Helper()
	base = volume.Base(filepath.Join(b.TempDir(), "bundle.tar"))
	plan, fetch := collect(b, serve(b))
	export(b, plan, fetch, string(base))
	raw, err := os.ReadFile(string(base))
	check(b, err)
	sizes, err := volume.Split(plan.Size, (plan.Size+n-1)/n)
	check(b, err)
	for i, part := range sizes {
		check(b, os.WriteFile(base.Volume(i+1), raw[:part], 0o600))
		raw = raw[part:]
	}
	x, err := volume.Describe(context.Background(), opened(b, base, plan.Size, n), nil)
	check(b, err)
	doc, err := x.Marshal()
	check(b, err)
	check(b, os.WriteFile(base.Index(), doc, 0o600))
	return base, plan.Size
}

func opened(b *testing.B, base volume.Base, size, n int64) (files []volume.File) {
	b.Helper()
	sizes, err := volume.Split(size, (size+n-1)/n)
	check(b, err)
	for i, part := range sizes {
		f := open(b, base.Volume(i+1))
		b.Cleanup(func() { f.Close() })
		files = append(files, volume.File{ReaderAt: f, Size: part})
	}
	return files
}

func verifyVolumes(b *testing.B, base volume.Base) {
	b.Helper()
	set, err := volume.Find(base.Index(), nil)
	check(b, err)
	defer set.Close()
	r, err := set.Bundle(oci.DefaultLimits())
	check(b, err)
	judge(b, r)
}
