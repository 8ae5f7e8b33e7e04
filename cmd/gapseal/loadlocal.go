package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
	"github.com/gapseal/gapseal/verify/load"
)

// localDestinations describes each DEST of load that is not a registry.
const localDestinations = "oci:DIR, oci-archive:FILE, docker-archive:FILE, containerd[:NAMESPACE], k3s, docker, " +
	"podman, kind:CLUSTER"

// destination is a DEST of load that is not a registry.
type destination struct{ kind, value string }

// parseLocal reads a DEST. ok is false if it is none of localDestinations; it then names a
// registry.
func parseLocal(s string) (d destination, ok bool, err error) {
	kind, value, hasValue := strings.Cut(s, ":")
	d = destination{kind, value}
	switch kind {
	case "oci", "oci-archive", "docker-archive", "kind":
		if value == "" {
			err = usagef("%s: want %s:%s", s, kind, map[string]string{"oci": "DIR", "kind": "CLUSTER"}[kind])
			if strings.HasSuffix(kind, "archive") {
				err = usagef("%s: want %s:FILE, or %s:- for a pipe", s, kind, kind)
			}
		}
	case "containerd":
		if hasValue && value == "" {
			err = usagef("%s: want containerd, or containerd:NAMESPACE, such as containerd:k8s.io", s)
		}
	case "k3s", "docker", "podman":
		if hasValue {
			return d, false, nil // a host of that name
		}
	default:
		return d, false, nil
	}
	return d, true, err
}

// checkPlace refuses a DEST that names a registry with a tag, and what is meant as another
// kind of destination.
func checkPlace(arg string) error {
	host, path, _ := strings.Cut(arg, "/")
	kind, port, hasPort := strings.Cut(host, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	switch {
	case hasPort && err != nil && !strings.HasPrefix(host, "["):
		return usagef("%s: %q is no port of %s; want a registry such as registry.plant:5000, or one of %s", arg, port,
			kind, localDestinations)
	case strings.ContainsAny(path, ":@"):
		return usagef("%s: want a registry and a path, without a tag or digest: images keep theirs; --tag-as gives "+
			"one image another tag", arg)
	}
	return nil
}

// String returns the DEST.
func (d destination) String() string { return strings.TrimSuffix(d.kind+":"+d.value, ":") }

// toStdout reports whether the images go to standard output. Nothing else may be written
// there then.
func (d destination) toStdout() bool { return strings.HasSuffix(d.kind, "-archive") && d.value == "-" }

// file returns the path of the archive that is written, empty if there is none.
func (d destination) file() string {
	if strings.HasSuffix(d.kind, "-archive") && d.value != "-" {
		return d.value
	}
	return ""
}

// k3sSocket is that of the containerd in k3s and RKE2.
const k3sSocket = "/run/k3s/containerd/containerd.sock"

// open returns the importer for a DEST, and asks a runtime whether it answers. A nil
// platform selects that of the runtime, and all platforms for oci and oci-archive.
func (d destination) open(ctx context.Context, platform *oci.Platform, std stdio) (load.Importer, error) {
	p := hostPlatform()
	if platform != nil {
		p = *platform
	}
	switch d.kind {
	case "oci":
		if platform != nil {
			return nil, usagef("--platform: an OCI layout gets every platform that the bundle holds")
		}
		return load.OpenFolder(d.value)
	case "oci-archive":
		form := load.Form{DigestNames: true}
		form.RunnableOnly, form.Platform = true, platform
		return d.archive(form, std)
	case "docker-archive":
		form := runtimeForm(p)
		form.Docker = true
		return d.archive(form, std)
	case "docker":
		return orNil(newDocker(ctx, platform))
	case "podman":
		return orNil(newPodman(ctx, p))
	case "kind":
		return orNil(newKind(ctx, d.value, p))
	}
	return d.containerd(ctx, p, std)
}

// orNil returns an untyped nil beside an error, so that the importer equals nil.
func orNil[T load.Importer](im T, err error) (load.Importer, error) {
	if err != nil {
		return nil, err
	}
	return im, nil
}

// containerd finds ctr. k3s and RKE2 have a ctr of their own; that of RKE2 is not in PATH.
func (d destination) containerd(ctx context.Context, p oci.Platform, std stdio) (load.Importer, error) {
	if d.kind == "k3s" {
		ctr, err := findProgram("k3s", "k3s", "/var/lib/rancher/rke2/bin/ctr", "ctr")
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(ctr[0], "k3s") {
			ctr = ctr.with("ctr")
		}
		ctr = ctr.with("--address", k3sSocket, "--namespace", "k8s.io")
		return orNil(newContainerd(ctx, "k3s", ctr, p))
	}
	ctr, err := findProgram("containerd", "ctr")
	if err != nil {
		return nil, err
	}
	name := "containerd"
	if d.value != "" {
		ctr = ctr.with("--namespace", d.value)
		name += ":" + d.value
	}
	c, err := newContainerd(ctx, name, ctr, p)
	if err == nil && d.value == "" && os.Getenv("CONTAINERD_NAMESPACE") == "" && servesKubernetes(ctx, ctr) {
		term.Say(std.err, "note: the images go to the namespace default, where Kubernetes does not look: it uses "+
			"containerd:k8s.io")
	}
	return orNil(c, err)
}

// servesKubernetes reports whether containerd has the namespace of Kubernetes.
func servesKubernetes(ctx context.Context, ctr program) bool {
	out, err := ctr.with("namespaces", "ls", "-q").output(ctx)
	return err == nil && slices.Contains(strings.Fields(string(out)), "k8s.io")
}

// archiveFile is a tar in a file or on standard output.
type archiveFile struct {
	destination
	form load.Form
	out  io.Writer
}

func (d destination) archive(form load.Form, std stdio) (load.Importer, error) {
	if d.toStdout() && term.IsTerminal(std.out.file) {
		return nil, usagef("the images would go to the terminal; redirect standard output, or name a file")
	}
	if d.kind == "docker-archive" {
		term.Say(std.err, "note: a docker archive keeps names and content; tools that read only its manifest.json do "+
			"not keep the digests of images")
	}
	return &archiveFile{d, form, std.out}, nil
}

// Form implements [load.Importer].
func (a *archiveFile) Form() load.Form { return a.form }

// Find implements [load.Importer]. A file is always written in full, so no name in it can be
// taken before; afterwards ReadBack compares its names.
func (a *archiveFile) Find(context.Context, string) ([]oci.Digest, error) {
	return nil, load.ErrNoReadBack
}

// Import implements [load.Importer].
func (a *archiveFile) Import(
	ctx context.Context, p *archive.Plan, progress func(int64),
) (map[oci.Digest]bool, error) {
	if a.toStdout() {
		return nil, p.WriteTar(ctx, a.out, progress)
	}
	if err := refuseExisting(a.value, "it was not there before the bundle was verified"); err != nil {
		return nil, err
	}
	return nil, writeFile(a.value, func(f *atomicfile.File) error { return p.WriteTar(ctx, f, progress) })
}

// ReadBack implements [load.Importer].
func (a *archiveFile) ReadBack(_ context.Context, p *archive.Plan) error {
	if a.toStdout() {
		return load.ErrNoReadBack
	}
	f, err := os.Open(a.value)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.CheckTar(f); err != nil {
		return fmt.Errorf("read back %s: %w", a.value, err)
	}
	return nil
}

// spool copies a bundle from a pipe into a temporary file, so that it can be read again
// after the verdict. The bundle may have at most most bytes. spool removes the name of the
// file at once, if the system permits that for an open file.
func spool(ctx context.Context, pipe io.Reader, most int64, std stdio) (*bundleSource, error) {
	f, err := os.CreateTemp("", "gapseal-*.tar")
	if err != nil {
		return nil, err
	}
	removed := os.Remove(f.Name()) == nil
	src := &bundleSource{File: f, remove: !removed}
	term.Say(std.err, "the pipe is copied to a temporary file in %s, since the bundle is read again after the verdict",
		term.Escape(os.TempDir()))
	bar := term.New(std.err, "receiving", 0)
	n, err := io.Copy(f, &watched{ctx, io.LimitReader(pipe, most+1), bar})
	bar.Done(err == nil)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = fmt.Errorf("%w; set TMPDIR to a folder with more space, or name a file", err)
	case err == nil && n > most:
		err = fmt.Errorf("the pipe holds more than %s; raise --limit total=SIZE if the bundle is that large",
			term.Bytes(most))
	}
	if err != nil {
		src.Close()
		return nil, err
	}
	src.size = n
	return src, nil
}

// watched is a reader that ends with a context and moves a bar.
type watched struct {
	ctx context.Context
	r   io.Reader
	bar *term.Bar
}

// Read implements [io.Reader].
func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.Read(p)
	w.bar.Add(int64(n))
	return n, err
}
