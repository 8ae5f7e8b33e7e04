package volume

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// nth names volume n in a message.
func (x *Index) nth(n int) string { return fmt.Sprintf("volume %d of %d", n, len(x.Volumes)) }

// wrongSize says that volume n, the file called name, has not the size that is
// listed for it.
func (x *Index) wrongSize(n int, name string, found int64) *check.Fault {
	want := x.Volumes[n-1].Size
	f := &check.Fault{ID: check.MediaSize, Subject: name, Detail: x.nth(n) + " is truncated", Expected: fmt.Sprintf("%d bytes", want), Found: fmt.Sprintf("%d bytes", found)}
	if found > want {
		f.Detail = x.nth(n) + " is longer than it should be"
	}
	return f
}

// wrongDigest says what the file called name is, which is not volume n.
func (x *Index) wrongDigest(n int, name string, found oci.Digest) *check.Fault {
	f := &check.Fault{ID: check.MediaDamaged, Subject: name, Detail: x.nth(n) + " is damaged, or of another bundle", Expected: string(x.Volumes[n-1].Digest), Found: string(found)}
	if i := x.find(found); i > 0 {
		f.ID, f.Detail = check.MediaSwapped, fmt.Sprintf("%s has the content of volume %d", x.nth(n), i)
	}
	return f
}

// find returns the number of the volume that has a digest, 0 if none has it.
func (x *Index) find(d oci.Digest) int {
	return 1 + slices.IndexFunc(x.Volumes, func(v Volume) bool { return v.Digest == d })
}
