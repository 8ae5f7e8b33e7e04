package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// readVolumes reads the index of volumes, if there is one.
func (r *repairing) readVolumes() error {
	paths := r.dirs.Paths(r.base.Index())
	if len(paths) == 0 {
		return nil
	}
	x, err := volume.ReadIndex(paths[0])
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		r.notes = append(r.notes, bad.Error())
		return nil
	}
	r.volumes = x
	return err
}

// readRecovery chooses between the index of recovery blocks and its copies.
func (r *repairing) readRecovery() (err error) {
	var file []byte
	if paths := r.dirs.Paths(r.base.RecoveryIndex()); len(paths) > 0 {
		if file, err = readAtMost(paths[0], recovery.MaxIndex); err != nil {
			file = nil // a copy may do
			r.notes = append(r.notes, err.Error())
		}
	}
	copies, err := r.copies()
	if err != nil {
		return err
	}
	name := filepath.Base(r.base.RecoveryIndex())
	x, raw, err := recovery.Choose(file, copies, r.wanted())
	if err != nil {
		return &check.Fault{ID: check.MediaRecovery, Subject: name, Detail: fmt.Sprintf("%v; looked in %s.\nRepair needs what export --recovery wrote: name its folder with --volumes DIR. If there is none, copy the bundle again from its source", err, strings.Join(r.dirs, ", "))}
	}
	if string(raw) != string(file) {
		r.notes = append(r.notes, name+" is missing or damaged; a copy in a recovery volume was used")
		r.documents[name] = raw
	}
	if r.set, err = recovery.NewSet(x, r.base); err != nil {
		return err
	}
	return r.agree(x, name)
}

// agree makes sure that both indexes speak of one bundle.
func (r *repairing) agree(x *recovery.Index, name string) error {
	switch v := r.volumes; {
	case v == nil && x.Volume > 0:
		r.documents[filepath.Base(r.base.Index())] = nil
	case v != nil && (v.Whole != x.Whole || v.Volumes[0].Size != min(x.Volume, x.Whole.Size)):
		return &check.Fault{ID: check.MediaForeign, Subject: name, Detail: "the recovery volumes are of another bundle than the index of volumes", Expected: string(v.Whole.Digest), Found: string(x.Whole.Digest)}
	}
	return nil
}

// maxCopies bounds the copies of the index that are held, each only once: they
// are all alike but for damage.
const maxCopies = 8

// copies reads the copy of the index at the end of each recovery volume.
func (r *repairing) copies() (list [][]byte, err error) {
	for n := 1; n <= volume.MaxVolumes; n++ {
		for _, p := range r.dirs.Paths(r.base.Recovery(n)) {
			f, size, err := r.openFile(p)
			if err != nil {
				return nil, err
			}
			c := recovery.Copy(f, size)
			if len(list) < maxCopies && !slices.ContainsFunc(list, func(o []byte) bool { return bytes.Equal(o, c) }) {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// wanted is the digest of the index of recovery blocks that the index of
// volumes names.
func (r *repairing) wanted() oci.Digest {
	if r.volumes == nil || r.volumes.Recovery == nil {
		return ""
	}
	return r.volumes.Recovery.Digest
}
