package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// Layout is an OCI image layout in a folder, to which images are added. What others
// listed in it stays.
type Layout struct {
	dir   string
	index index
	names map[string][]oci.Digest
}

// Written says what [Layout.Write] did.
type Written struct {
	Blobs   int                 // written
	Bytes   int64               // of these blobs
	Present map[oci.Digest]bool // blobs that were there, complete and right, and were left as they are
}

// maxIndex is how large an index.json may be, in bytes.
const maxIndex = 64 << 20

// OpenLayout reads the layout in a folder. A folder that does not exist, or is empty,
// is a layout without images; nothing is created yet. A folder that holds anything else is
// an error, and so is one in a folder that does not exist: it may belong to a medium that is
// not mounted.
func OpenLayout(dir string) (*Layout, error) {
	l := &Layout{dir: dir, index: index{SchemaVersion: 2, MediaType: oci.TypeIndex}, names: map[string][]oci.Digest{}}
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, parent(dir)
	case err != nil:
		return nil, err
	case len(files) == 0:
		return l, nil
	}
	if err := l.marker(); err != nil {
		return nil, err
	}
	return l, l.read()
}

// parent requires the folder that a new layout is created in.
func parent(dir string) error {
	in := filepath.Dir(filepath.Clean(dir))
	if _, err := os.Stat(in); err != nil {
		return fmt.Errorf("create the folder %s: %w; create %s first, or mount the medium", dir, err, in)
	}
	return nil
}

// marker requires the file that makes a folder a layout. An interrupted run may have left
// this file and no index.json.
func (l *Layout) marker() error {
	raw, err := readFile(filepath.Join(l.dir, nameMarker))
	var doc struct {
		Version string `json:"imageLayoutVersion"`
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not empty and not an OCI image layout: it has no file %s; name a new folder",
			l.dir, nameMarker)
	case err != nil:
		return err
	}
	if err := strict.Unmarshal(raw, &doc); err != nil || doc.Version != "1.0.0" {
		return fmt.Errorf("%s: want an OCI image layout of version 1.0.0, found %.60q",
			filepath.Join(l.dir, nameMarker), raw)
	}
	return nil
}

func (l *Layout) read() error {
	raw, err := readFile(filepath.Join(l.dir, nameIndex))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	x, err := parseIndex(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(l.dir, nameIndex), err)
	}
	l.index = x
	l.names, err = x.names()
	return err
}

// Named returns the digests that index.json lists under a name. More than one means that
// programs differ in what they find.
func (l *Layout) Named(name string) []oci.Digest { return slices.Clone(l.names[name]) }

// Manifest returns a manifest that index.json lists. It is nil if the folder does not hold
// it, or if it is damaged.
func (l *Layout) Manifest(d oci.Digest) *oci.Manifest {
	for _, raw := range l.index.Manifests {
		e, err := parseListing(raw)
		if err != nil || e.Digest != d {
			continue
		}
		if _, err := oci.ParseDigest(string(d)); err != nil || e.Size > (oci.Limits{}).WithDefaults().Manifest {
			continue
		}
		path := filepath.Join(l.dir, filepath.FromSlash(blobPath(d)))
		if !l.holds(path, e.Descriptor) {
			continue
		}
		text, err := readFile(path)
		if err != nil || oci.FromBytes(text) != d {
			continue
		}
		if m, _ := oci.ParseManifest(text, e.MediaType); m != nil {
			return m
		}
	}
	return nil
}

// Write adds the images of a plan. It writes the blobs that are missing or wrong, and
// index.json last. There an image replaces another one of the same name. progress is called
// with the number of bytes of content as they are read; it may be nil.
//
// On an error index.json is as it was, and blobs that were written stay, so that
// another run continues from there.
func (l *Layout) Write(ctx context.Context, p *Plan, progress func(int64)) (done Written, err error) {
	if progress == nil {
		progress = func(int64) {}
	}
	done.Present = map[oci.Digest]bool{}
	if err := l.create(); err != nil {
		return done, err
	}
	for _, b := range p.blobs {
		present, err := l.blob(ctx, p.src, b, progress)
		if err != nil {
			return done, err
		}
		if present {
			done.Present[b.Digest] = true
			continue
		}
		done.Blobs++
		done.Bytes += b.Size
	}
	return done, l.publish(p)
}

// create makes the folders and the marker that are missing. The folder of the layout may be
// a symbolic link; links below it could lead the blobs to another place.
func (l *Layout) create() error {
	if err := makeFolder(l.dir, os.Stat); err != nil {
		return err
	}
	for _, name := range []string{"blobs", blobFolder} {
		if err := makeFolder(filepath.Join(l.dir, filepath.FromSlash(name)), os.Lstat); err != nil {
			return err
		}
	}
	marker := filepath.Join(l.dir, nameMarker)
	if _, err := readFile(marker); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(marker, []byte(layoutMarker))
}

// makeFolder creates a folder in one that exists.
func makeFolder(dir string, stat func(string) (fs.FileInfo, error)) error {
	info, err := stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Mkdir(dir, 0o755)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: want a folder, found %s; remove it", dir, atomicfile.Kind(info.Mode()))
	}
	return nil
}

// publish writes index.json. It first reads it again, since another program may have added
// images meanwhile.
func (l *Layout) publish(p *Plan) error {
	if err := l.read(); err != nil {
		return err
	}
	if err := l.index.merge(p.entries); err != nil {
		return err
	}
	raw, err := l.index.marshal()
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(l.dir, nameIndex), raw); err != nil {
		return err
	}
	return l.read()
}

// blob writes a blob, unless the folder holds it already.
func (l *Layout) blob(
	ctx context.Context, src Source, b oci.Descriptor, progress func(int64),
) (present bool, err error) {
	path := filepath.Join(l.dir, filepath.FromSlash(blobPath(b.Digest)))
	if l.holds(path, b) {
		progress(b.Size)
		return true, nil
	}
	if err := removeLink(path); err != nil {
		return false, err
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return false, err
	}
	defer f.Abort()
	if err := copyBlob(ctx, f, src, b, progress); err != nil {
		return false, err
	}
	return false, f.Commit()
}

// removeLink removes a symbolic link. The owner of what it leads to could change the blob.
func removeLink(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return os.Remove(path)
	}
	return nil
}

// holds reports whether a regular file has the size and the digest of a blob.
func (l *Layout) holds(path string, b oci.Descriptor) bool {
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != b.Size {
		return false
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return err == nil && oci.FromSum([sha256.Size]byte(sum.Sum(nil))) == b.Digest
}

// Check reads back what [Layout.Write] wrote: each manifest of the images byte by byte,
// other blobs by their size, and index.json. The error names the first thing that is
// missing or wrong.
func (l *Layout) Check(p *Plan) error {
	if err := l.read(); err != nil {
		return err
	}
	missing, err := l.index.has(p.entries)
	if err != nil {
		return err
	}
	if missing != "" {
		return fmt.Errorf("%s does not list %s", filepath.Join(l.dir, nameIndex), missing)
	}
	for _, b := range p.blobs {
		if err := l.checkBlob(p.src, b); err != nil {
			return err
		}
	}
	return nil
}

func (l *Layout) checkBlob(src Source, b oci.Descriptor) error {
	path := filepath.Join(l.dir, filepath.FromSlash(blobPath(b.Digest)))
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: want a file, found %s", path, atomicfile.Kind(info.Mode()))
	}
	if info.Size() != b.Size {
		return fmt.Errorf("%s: want %d bytes, found %d", path, b.Size, info.Size())
	}
	if src.Manifest(b.Digest) != nil && !l.holds(path, b) {
		return fmt.Errorf("%s: is not the manifest that was written", path)
	}
	return nil
}

// openRegular opens a regular file. Opening a pipe would wait for its other end, and a link
// may lead out of the folder.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: want a file, found %s; remove it, or name another folder", path,
			atomicfile.Kind(info.Mode()))
	}
	return os.Open(path)
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err == nil && len(raw) > maxIndex {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxIndex)
	}
	return raw, err
}

// replace writes a small file, unless it has that content.
func replace(path string, content []byte) error {
	if old, err := readFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Commit()
}
