package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// bundleSource is a bundle file, a pipe, or a set of volumes.
type bundleSource struct {
	*os.File             // nil for volumes
	volumes  *volume.Set // nil for anything else
	size     int64       // 0 for a pipe
	stream   bool
	sum      hash.Hash // of a pipe's bytes, if asked for
	remove   bool      // the file is temporary, and Close removes it
}

// volumesUsage explains --volumes of every command that reads volumes.
const volumesUsage = "also look for volumes in this `DIR` (repeatable)"

// openBundle opens the bundle that an argument names; volumes are looked for
// beside it and in dirs.
func openBundle(path string, std stdio, dirs ...string) (*bundleSource, error) {
	if isURL(path) {
		return nil, usagef("%s: verify never uses a network; pass a file", hideUser(path))
	}
	if err := misnamed(path); err != nil {
		return nil, err
	}
	if err := folders(dirs); err != nil {
		return nil, err
	}
	if volume.IsSet(path) {
		set, err := volume.Find(path, dirs)
		if err != nil {
			return nil, err
		}
		return &bundleSource{volumes: set, size: set.Content().Size()}, nil
	}
	if len(dirs) > 0 {
		return nil, usagef("--volumes says where volumes are, and %s is not one; name their index, or the first of "+
			"them", path)
	}
	return openFile(path, std)
}

func openFile(path string, std stdio) (*bundleSource, error) {
	f, err := openInput(path, std)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		return nil, usagef("%s is a directory; gapseal reads the bundle file itself, not what was unpacked from it%s",
			path, onlyBundle(path))
	}
	src := &bundleSource{File: f, size: info.Size(), stream: path == "-" || !info.Mode().IsRegular()}
	if src.stream {
		src.size = 0
	}
	return src, nil
}

// onlyBundle suggests the file in a folder that may be the bundle, or the index of
// its volumes, if there is only one.
func onlyBundle(dir string) string {
	tars, _ := filepath.Glob(filepath.Join(dir, "*.tar"))
	indexes, _ := filepath.Glob(filepath.Join(dir, "*.volumes.json"))
	found := append(tars, indexes...)
	if len(found) != 1 {
		return ""
	}
	return ": name " + found[0]
}

func openInput(path string, std stdio) (*os.File, error) {
	if path != "-" {
		return os.Open(path)
	}
	if term.IsTerminal(std.in) {
		return nil, usagef("the bundle would be read from the terminal; redirect standard input, or name a file")
	}
	return std.in, nil
}

// Close closes whatever was opened.
func (s *bundleSource) Close() error {
	if s.volumes != nil {
		return s.volumes.Close()
	}
	err := s.File.Close()
	if s.remove {
		err = cmp.Or(err, os.Remove(s.File.Name()))
	}
	return err
}

// tee hashes the bytes of a pipe as they are read: digest could not read them
// again.
func (s *bundleSource) tee() { s.sum = sha256.New() }

func (s *bundleSource) open(lim oci.Limits) (*bundle.Reader, error) {
	switch {
	case s.volumes != nil:
		return s.volumes.Bundle(lim)
	case !s.stream:
		return bundle.Open(s.File, s.size, lim)
	}
	var r io.Reader = s.File
	if s.sum != nil {
		r = io.TeeReader(r, s.sum)
	}
	return bundle.OpenStream(r, lim)
}

// digest returns the SHA-256 of the whole file. For that it reads a file or volumes
// once more, and what is left of a pipe. It requires an earlier call of tee.
func (s *bundleSource) digest() (string, error) {
	var rest io.Reader
	switch {
	case s.volumes != nil:
		rest = io.NewSectionReader(s.volumes.Content(), 0, s.volumes.Content().Size())
	case s.stream:
		rest = s.File
	default:
		rest = io.NewSectionReader(s.File, 0, s.size)
	}
	if _, err := io.Copy(s.sum, rest); err != nil {
		return "", err
	}
	return string(oci.FromSum([sha256.Size]byte(s.sum.Sum(nil)))), nil
}

// misnamed refuses the name of a file that is only a part of a bundle, and says
// which file to name.
func misnamed(path string) error {
	base, n := volume.Number(path)
	first := volume.Bases(path)[0]
	switch {
	case volume.IsRecovery(path):
		return usagef("%s is part of the recovery data, not a bundle; name the index of volumes, such as %s, or the "+
			"bundle", path, first.Index())
	case n > 1 && exists(base.Volume(1), base.Index()):
		return usagef("%s is volume %d of several; name their index, %s, or the first volume, %s. To check one alone, "+
			"use --volume", path, n, base.Index(), base.Volume(1))
	case n == 0 && !exists(path) && exists(volume.Base(path).Index()):
		return usagef("there is no %s; the bundle came in volumes: name their index, %s",
			path, volume.Base(path).Index())
	}
	return nil
}

// folders refuses a --volumes that does not name a folder. Otherwise the volumes in
// it would be reported as missing.
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
// folder and in dirs; there are none for a bundle in one file.
func setFiles(path string, dirs []string) (list []string) {
	if !volume.IsSet(path) {
		return nil
	}
	for _, base := range volume.Bases(path) {
		for _, dir := range append([]string{filepath.Dir(path)}, dirs...) {
			list = append(list, filesOf(base.In(dir))...)
		}
	}
	return list
}

// filesOf lists the indexes, volumes and recovery volumes that belong to base.
func filesOf(base volume.Base) []string {
	list := []string{base.Index(), base.RecoveryIndex()}
	for n := 1; exists(base.Volume(n)); n++ {
		list = append(list, base.Volume(n))
	}
	for n := 1; exists(base.Recovery(n)); n++ {
		list = append(list, base.Recovery(n))
	}
	return list
}

// volumeFiles lists the volumes for the report, with their digests if hashed is
// set: each is read once more for that.
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

// maxAnchor is how large a key or trusted root file may be, in bytes.
const maxAnchor = 4 << 20

// readAnchor reads a small file, such as a key, for the flag that names it. If flag is
// empty, an argument names the file.
func readAnchor(flag, path string) ([]byte, error) {
	if flag != "" {
		flag += ": "
	}
	raw, err := readAtMost(path, maxAnchor)
	if err != nil {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return nil, usagef("%s%s is a directory, not a file", flag, path)
		}
		return nil, fmt.Errorf("%s%w", flag, err)
	}
	if len(raw) > maxAnchor {
		return nil, usagef("%s%s: is larger than %d bytes, which is too large for a key or a trusted root",
			flag, path, maxAnchor)
	}
	return raw, nil
}

// readAtMost reads up to max bytes of a file, and one more if the file is larger.
func readAtMost(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}

// hashFile returns the SHA-256 of a file.
func hashFile(path string) (verify.Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return verify.Text(oci.FromSum([sha256.Size]byte(h.Sum(nil)))), nil
}

// parseImage reads a reference for the flag that gives it; if flag is empty, an
// argument gives it. If the reference had to be completed, note says how.
func parseImage(flag, s string) (ref oci.Reference, note string, err error) {
	scheme, _, isURL := strings.Cut(s, "://")
	switch {
	case isURL:
		shown := hideUser(s)
		_, image, _ := strings.Cut(shown, "://")
		return ref, "", usagef("%s: an image is not a URL: leave out %s://, as in %s", named(flag, shown),
			scheme, cmp.Or(image, "REGISTRY/REPOSITORY:TAG"))
	case strings.HasPrefix(s, "sha256:") || hexDigest.MatchString(s):
		return ref, "", usagef("%s: a digest alone does not name the repository: write REPOSITORY@sha256:…",
			named(flag, s))
	}
	if ref, err = oci.ParseReference(s); err != nil {
		return ref, "", usagef("%s", strings.TrimPrefix(flag+": "+err.Error(), ": "))
	}
	if full := ref.String(); full != s {
		note = named(flag, s) + " is read as " + full
	}
	return ref, note, nil
}

// hexDigest matches a SHA-256 without its prefix.
var hexDigest = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func isURL(s string) bool { return strings.Contains(s, "://") }

// absolute makes a path absolute, so that a report is clear in any folder.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// named returns a value for a message, after the flag that gave it, if one did.
func named(flag, path string) string { return strings.TrimSpace(flag + " " + path) }

// hideUser removes credentials from a URL that will be shown.
func hideUser(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// exists reports whether any of the files is there.
func exists(paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return err == nil
	})
}
