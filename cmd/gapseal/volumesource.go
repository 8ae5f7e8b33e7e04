package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/verify"
)

// misnamed tells who names one file of several which one to name.
func misnamed(path string) error {
	base, n := volume.Number(path)
	first := volume.Bases(path)[0]
	switch {
	case volume.IsRecovery(path):
		return usagef("%s serves to repair a bundle and is none; name the index of volumes, such as %s, or the bundle", path, first.Index())
	case n > 1 && exists(base.Volume(1), base.Index()):
		return usagef("%s is volume %d of several; name their index, %s, or the first volume, %s. One alone is checked with --volume", path, n, base.Index(), base.Volume(1))
	case n == 0 && !exists(path) && exists(volume.Base(path).Index()):
		return usagef("there is no %s; the bundle came in volumes: name their index, %s", path, volume.Base(path).Index())
	}
	return nil
}

// folders refuses a --volumes that is no folder: nothing would be found in it, and
// the volumes be called missing.
func folders(dirs []string) error {
	for _, dir := range dirs {
		switch info, err := os.Stat(dir); {
		case errors.Is(err, fs.ErrNotExist):
			return usagef("--volumes %s: there is no such folder", dir)
		case err != nil:
			return fmt.Errorf("--volumes: %w", err)
		case !info.IsDir():
			return usagef("--volumes %s: want a folder, found a file", dir)
		}
	}
	return nil
}

// setFiles lists the files of the set of volumes that a name belongs to, in its
// folder and in dirs; none for a bundle in one file.
func setFiles(path string, dirs []string) (list []string) {
	if !volume.IsSet(path) {
		return nil
	}
	for _, base := range volume.Bases(path) {
		for _, dir := range append([]string{filepath.Dir(path)}, dirs...) {
			b := base.In(dir)
			list = append(list, b.Index(), b.RecoveryIndex())
			for n := 1; exists(b.Volume(n)); n++ {
				list = append(list, b.Volume(n))
			}
			for n := 1; exists(b.Recovery(n)); n++ {
				list = append(list, b.Recovery(n))
			}
		}
	}
	return list
}

// volumeFiles lists the volumes for the report, hashed only if that was asked
// for: it reads each of them once more.
func (s *bundleSource) volumeFiles(hashed bool) ([]verify.Volume, error) {
	list := []verify.Volume{}
	if s.volumes == nil {
		return list, nil
	}
	for _, p := range s.volumes.Found {
		v := verify.Volume{Name: filepath.Base(p.Path), Size: p.Size}
		if hashed {
			d, err := hashFile(p.Path)
			if err != nil {
				return nil, err
			}
			v.Digest = d
		}
		list = append(list, v)
	}
	return list, nil
}
