package volume

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gapseal/gapseal/verify/check"
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
