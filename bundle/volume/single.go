package volume

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
)

// CheckOne holds one volume, whose number its name tells, against an index,
// and returns what the index says of it. The error is a [*check.Fault] of class
// media, or the operating system's. It is no verdict on the bundle.
func CheckOne(ctx context.Context, path string, x *Index, progress func(int64)) (Volume, error) {
	_, n := Number(path)
	name := filepath.Base(path)
	if n < 1 || n > len(x.Volumes) {
		return Volume{}, &check.Fault{ID: check.MediaForeign, Subject: name, Detail: "the index lists no volume of this number", Expected: fmt.Sprintf("1 to %d", len(x.Volumes)), Found: fmt.Sprint(n)}
	}
	v := x.Volumes[n-1]
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return v, err
	}
	of := fmt.Sprintf("volume %d of %d", n, len(x.Volumes))
	if info.Size() != v.Size {
		return v, &check.Fault{ID: check.MediaSize, Subject: name, Detail: of + " has another size", Expected: fmt.Sprintf("%d bytes", v.Size), Found: fmt.Sprintf("%d bytes", info.Size())}
	}
	d, err := Hash(ctx, f, info.Size(), progress)
	if err != nil || d == v.Digest {
		return v, err
	}
	if i := slices.IndexFunc(x.Volumes, func(v Volume) bool { return v.Digest == d }); i >= 0 {
		return v, &check.Fault{ID: check.MediaSwapped, Subject: name, Detail: fmt.Sprintf("%s has the content of volume %d", of, i+1), Expected: string(v.Digest), Found: string(d)}
	}
	return v, &check.Fault{ID: check.MediaDamaged, Subject: name, Detail: of + " is damaged, or of another bundle", Expected: string(v.Digest), Found: string(d)}
}
