package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// layoutMarker is the content of the file oci-layout.
const layoutMarker = `{"imageLayoutVersion":"1.0.0"}`

// Names of the files beside the blobs.
const (
	nameMarker = "oci-layout"
	nameIndex  = "index.json"
	nameDocker = "manifest.json"
)

// copyBuffer is how many bytes of a blob are in memory at a time.
const copyBuffer = 256 << 10

// WriteTar writes the plan as a tar of an OCI image layout: the blobs, then
// index.json, then manifest.json if the options ask for it. progress is called with
// the number of bytes of content of each write; it may be nil.
//
// If a blob cannot be read, or does not have its digest, WriteTar returns the error of
// its reader at once. What was written then ends inside that blob, before index.json,
// so that importers refuse it or name nothing. A caller that writes to a program must not
// end its input as if the archive were complete.
func (p *Plan) WriteTar(ctx context.Context, out io.Writer, progress func(int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	w := tar.NewWriter(out)
	if err := addFile(w, nameMarker, []byte(layoutMarker)); err != nil {
		return err
	}
	for _, b := range p.blobs {
		if err := w.WriteHeader(header(blobPath(b.Digest), b.Size)); err != nil {
			return err
		}
		if err := copyBlob(ctx, w, p.src, b, progress); err != nil {
			return err
		}
	}
	if err := p.addLists(w); err != nil {
		return err
	}
	return w.Close()
}

// CheckTar reads back what [Plan.WriteTar] wrote: manifests, index.json and
// manifest.json byte by byte, other blobs by their size, and that nothing else is there.
// The error names the first thing that is missing or wrong.
func (p *Plan) CheckTar(in io.Reader) error {
	r := tar.NewReader(in)
	if err := checkFile(r, nameMarker, []byte(layoutMarker)); err != nil {
		return err
	}
	for _, b := range p.blobs {
		if err := p.checkEntry(r, b); err != nil {
			return err
		}
	}
	index, docker, err := p.lists()
	if err != nil {
		return err
	}
	if err := checkFile(r, nameIndex, index); err != nil {
		return err
	}
	if docker != nil {
		if err := checkFile(r, nameDocker, docker); err != nil {
			return err
		}
	}
	if _, err := r.Next(); err != io.EOF {
		return fmt.Errorf("want the end of the archive, found more (%v)", err)
	}
	return nil
}

// checkEntry compares the next entry of a tar with a blob.
func (p *Plan) checkEntry(r *tar.Reader, b oci.Descriptor) error {
	h, err := r.Next()
	switch {
	case err != nil:
		return fmt.Errorf("blob %s: %w", b.Digest, err)
	case h.Name != blobPath(b.Digest) || h.Size != b.Size:
		return fmt.Errorf("blob %s: want an entry of %d bytes, found %.100q of %d", b.Digest, b.Size, h.Name, h.Size)
	case p.src.Manifest(b.Digest) == nil:
		return nil
	}
	raw, err := io.ReadAll(r)
	if err == nil && oci.FromBytes(raw) != b.Digest {
		err = errors.New("is not the manifest that was written")
	}
	if err != nil {
		return fmt.Errorf("manifest %s: %w", b.Digest, err)
	}
	return nil
}

func checkFile(r *tar.Reader, name string, want []byte) error {
	h, err := r.Next()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if h.Name != name {
		return fmt.Errorf("want %s, found %.100q", name, h.Name)
	}
	raw, err := io.ReadAll(io.LimitReader(r, int64(len(want))+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !bytes.Equal(raw, want) {
		return fmt.Errorf("%s is not what was written", name)
	}
	return nil
}

// lists returns the files that name the images; docker is nil if it is not wanted.
func (p *Plan) lists() (index, docker []byte, err error) {
	index, err = newIndex(p.entries)
	if err != nil || !p.opt.Docker {
		return index, nil, err
	}
	docker, err = strict.Marshal(p.docker)
	return index, docker, err
}

// addLists adds the files that name the images.
func (p *Plan) addLists(w *tar.Writer) error {
	index, docker, err := p.lists()
	if err != nil {
		return err
	}
	if err := addFile(w, nameIndex, index); err != nil || docker == nil {
		return err
	}
	return addFile(w, nameDocker, docker)
}

// header describes a file. Its times and owners are the same in every archive, so
// that the same content makes the same bytes.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}
}

func addFile(w *tar.Writer, name string, body []byte) error {
	if err := w.WriteHeader(header(name, int64(len(body)))); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// copyBlob copies a blob until its end or that of ctx.
func copyBlob(ctx context.Context, w io.Writer, src Source, b oci.Descriptor, progress func(int64)) error {
	rc, err := src.OpenBlob(b.Digest)
	if err != nil {
		return err
	}
	defer rc.Close()
	in := &reader{ctx: ctx, r: rc, progress: progress}
	n, err := io.CopyBuffer(onlyWriter{w}, in, make([]byte, copyBuffer))
	if err == nil && n != b.Size {
		err = fmt.Errorf("want %d bytes, found %d", b.Size, n)
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", b.Digest, err)
	}
	return nil
}

// onlyWriter hides ReadFrom, which would choose a buffer of its own.
type onlyWriter struct{ io.Writer }

// reader counts what is read, and ends with ctx.
type reader struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.progress(int64(n))
	return n, err
}
