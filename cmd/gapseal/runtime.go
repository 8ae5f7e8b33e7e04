package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
	"github.com/gapseal/gapseal/verify/load"
)

// program is a container tool: its path and the arguments that come first.
type program []string

// findProgram returns the first of several programs that is in PATH. what is the
// destination that needs it.
func findProgram(what string, names ...string) (program, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return program{path}, nil
		}
	}
	other := ", or write an archive for it: oci-archive:FILE"
	if what == "kind" {
		other = "" // kind load image-archive asks for all platforms of an index
	}
	return nil, usagef("%s needs the program %s, which is not in PATH; run gapseal load where it is installed%s", what,
		strings.Join(names, " or "), other)
}

// with returns the program with more arguments.
func (p program) with(args ...string) program { return slices.Concat(p, args) }

// toolError says that a program failed, and what it wrote.
type toolError struct {
	argv program
	err  error
	text string
}

// Error shows the end of what the program wrote.
func (e *toolError) Error() string {
	s := strings.Join(e.argv, " ") + ": " + e.err.Error()
	if text := strings.TrimSpace(e.text); text != "" {
		s += ": " + text
	}
	return s
}

// Unwrap returns the error of running the program.
func (e *toolError) Unwrap() error { return e.err }

// output runs the program and returns what it wrote to standard output.
func (p program) output(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p[0], p[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return nil, &toolError{p, cmp.Or(ctx.Err(), err), lastBytes(errs.String())}
	}
	return out.Bytes(), nil
}

// feed runs the program with what write writes as its standard input. If write fails, feed
// kills the program before its input ends, so that it cannot take a part for the whole. A
// child that outlives the program then sees an archive that ends before its list of names.
func (p program) feed(ctx context.Context, write func(io.Writer) error) error {
	cmd := exec.CommandContext(ctx, p[0], p[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second // children may hold its output open
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	werr := write(in)
	stopped := errors.Is(werr, syscall.EPIPE) // the program ended early; what it wrote says why
	if werr != nil && !stopped {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return werr
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil || stopped {
		return &toolError{p, cmp.Or(ctx.Err(), err, werr), lastBytes(out.String())}
	}
	return nil
}

// lastBytes returns the end of what a program wrote, which says why it failed.
func lastBytes(s string) string {
	const most = 2000
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}

// hostPlatform is the platform of containers on this host.
func hostPlatform() oci.Platform { return oci.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// runtimeForm is the form that most runtimes take.
func runtimeForm(p oci.Platform) load.Form {
	return load.Form{Options: archive.Options{Platform: &p, RunnableOnly: true}}
}

// containerd is containerd, through ctr.
type containerd struct {
	name     string
	ctr      program // with the address and the namespace
	platform oci.Platform
	images   map[string][]oci.Digest // by name; nil if they have to be listed again
}

// newContainerd finds ctr and asks containerd for its images, so that a daemon that
// cannot be reached is reported before the long work.
func newContainerd(ctx context.Context, name string, ctr program, p oci.Platform) (*containerd, error) {
	c := &containerd{name: name, ctr: ctr, platform: p}
	if err := c.list(ctx); err != nil {
		return nil, fmt.Errorf("ask %s for its images: %w%s", name, err, adviseContainerd(name, err))
	}
	return c, nil
}

// adviseContainerd says what to do if containerd does not answer.
func adviseContainerd(name string, err error) string {
	kind, _, _ := strings.Cut(name, ":")
	tool := (*toolError)(nil)
	if !errors.As(err, &tool) || kind == "kind" {
		return ""
	}
	socket := "; is it running? If its socket is elsewhere, set CONTAINERD_ADDRESS"
	if kind == "k3s" {
		socket = "; is k3s or RKE2 running on this host?"
	}
	switch text := strings.ToLower(tool.text); {
	case strings.Contains(text, "permission denied"):
		return "\nonly root may use its socket: run gapseal as root"
	case strings.Contains(text, "no such file"), strings.Contains(text, "failed to dial"),
		strings.Contains(text, "connection refused"):
		return "\nit does not answer" + socket
	}
	return ""
}

// String implements [load.Importer].
func (c *containerd) String() string { return c.name }

// Form implements [load.Importer]. Kubernetes looks for an image by digest under the
// name REPOSITORY@DIGEST, so each image is imported under both names.
func (c *containerd) Form() load.Form {
	f := runtimeForm(c.platform)
	f.DigestNames = true
	return f
}

// list asks for all images. ctr prints a table: REF TYPE DIGEST SIZE PLATFORMS LABELS.
func (c *containerd) list(ctx context.Context) error {
	out, err := c.ctr.with("images", "ls").output(ctx)
	if err != nil {
		return err
	}
	c.images = map[string][]oci.Digest{}
	for line := range strings.Lines(string(out)) {
		columns := strings.Fields(line)
		if len(columns) < 3 {
			continue
		}
		if d, err := oci.ParseDigest(columns[2]); err == nil {
			c.images[columns[0]] = []oci.Digest{d}
		}
	}
	return nil
}

// Find implements [load.Importer].
func (c *containerd) Find(ctx context.Context, name string) ([]oci.Digest, error) {
	if c.images == nil {
		if err := c.list(ctx); err != nil {
			return nil, err
		}
	}
	return c.images[name], nil
}

// Import implements [load.Importer].
func (c *containerd) Import(
	ctx context.Context, p *archive.Plan, progress func(int64),
) (map[oci.Digest]bool, error) {
	c.images = nil
	argv := c.ctr.with("images", "import")
	if host := hostPlatform(); c.platform.String() != host.String() {
		argv = argv.with("--platform", c.platform.String())
	}
	return nil, argv.with("-").feed(ctx, func(w io.Writer) error { return p.WriteTar(ctx, w, progress) })
}

// ReadBack implements [load.Importer]: every blob must be in the content store.
func (c *containerd) ReadBack(ctx context.Context, p *archive.Plan) error {
	out, err := c.ctr.with("content", "ls", "-q").output(ctx)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, d := range strings.Fields(string(out)) {
		have[d] = true
	}
	for _, b := range p.Blobs() {
		if !have[string(b.Digest)] {
			return fmt.Errorf("%s reported success, and does not hold the blob %s", c.name, b.Digest)
		}
	}
	return nil
}

// engine is Docker or Podman, through load and image inspect.
type engine struct {
	name string
	cli  program
	form load.Form
}

// String implements [load.Importer].
func (e *engine) String() string { return e.name }

// Form implements [load.Importer].
func (e *engine) Form() load.Form { return e.form }

// newDocker asks the daemon for its platform.
func newDocker(ctx context.Context, want *oci.Platform) (*engine, error) {
	cli, err := findProgram("docker", "docker")
	if err != nil {
		return nil, err
	}
	out, err := cli.with("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").output(ctx)
	if err != nil {
		return nil, fmt.Errorf("the Docker daemon does not answer: %w", err)
	}
	p, err := oci.ParsePlatform(strings.TrimSpace(string(out)))
	if want != nil {
		p = *want
	} else if err != nil {
		return nil, fmt.Errorf("docker version: %w; name the platform with --platform", err)
	}
	f := runtimeForm(p)
	f.Docker, f.ByConfig = true, true
	return &engine{"docker", cli, f}, nil
}

// newPodman finds podman. podman load takes one image per archive, and from an index always
// the platform of this host.
func newPodman(ctx context.Context, p oci.Platform) (*engine, error) {
	if !hostPlatform().Matches(p) {
		return nil, usagef("podman load takes images for %s alone. For %s write an archive, and name each image:\n"+
			"  gapseal load … oci-archive:FILE --platform %s\n  podman pull --os %s --arch %s oci-archive:FILE:IMAGE",
			hostPlatform(), p, p, p.OS, p.Architecture)
	}
	cli, err := findProgram("podman", "podman")
	if err != nil {
		return nil, err
	}
	f := runtimeForm(p)
	f.Separate = true
	_, err = cli.with("version").output(ctx)
	return &engine{"podman", cli, f}, err
}

// Find implements [load.Importer]. No name is taken for an option.
func (e *engine) Find(ctx context.Context, name string) ([]oci.Digest, error) {
	out, err := e.cli.with("image", "inspect", "--", name).output(ctx)
	tool := (*toolError)(nil)
	if errors.As(err, &tool) && isUnknownImage(tool.text) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var images []struct {
		ID          string   `json:"Id"`
		Digest      string   `json:"Digest"` // Podman's only
		RepoDigests []string `json:"RepoDigests"`
	}
	if err := json.Unmarshal(out, &images); err != nil || len(images) != 1 {
		return nil, fmt.Errorf("%s image inspect %s: cannot be read: %.200q", e.name, name, out)
	}
	img := images[0]
	list := []string{img.Digest}
	for _, s := range img.RepoDigests {
		_, d, _ := strings.Cut(s, "@")
		list = append(list, d)
	}
	return digests(append(list, img.ID, "sha256:"+img.ID)), nil
}

// isUnknownImage reports whether docker or podman said that there is no such image.
func isUnknownImage(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "no such image") || strings.Contains(text, "image not known")
}

// digests returns those texts that are digests, each once.
func digests(list []string) (found []oci.Digest) {
	for _, s := range list {
		if d, err := oci.ParseDigest(s); err == nil && !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	return found
}

// Import implements [load.Importer].
func (e *engine) Import(ctx context.Context, p *archive.Plan, progress func(int64)) (map[oci.Digest]bool, error) {
	return nil, e.cli.with("load").feed(ctx, func(w io.Writer) error { return p.WriteTar(ctx, w, progress) })
}

// ReadBack implements [load.Importer]. It does nothing: the names are looked up afterwards,
// and their digests fix the content.
func (e *engine) ReadBack(context.Context, *archive.Plan) error { return nil }

// kindCluster is a cluster of kind: the containerd of each node.
type kindCluster struct {
	name  string
	nodes []*containerd
}

// newKind asks kind for the nodes of a cluster. It does not use kind load image-archive,
// which fails unless the archive holds all platforms that an index names; ctr in the node
// does not.
func newKind(ctx context.Context, cluster string, p oci.Platform) (*kindCluster, error) {
	cli, err := findProgram("kind", "kind")
	if err != nil {
		return nil, err
	}
	provider := cmp.Or(os.Getenv("KIND_EXPERIMENTAL_PROVIDER"), "docker")
	inside, err := findProgram("kind", provider)
	if err != nil {
		return nil, err
	}
	out, err := cli.with("get", "nodes", "--name", cluster).output(ctx)
	if err != nil {
		return nil, err
	}
	k := &kindCluster{name: "kind:" + cluster}
	for _, node := range strings.Fields(string(out)) {
		if strings.HasSuffix(node, "-external-load-balancer") {
			continue
		}
		ctr := inside.with("exec", "-i", node, "ctr", "--namespace", "k8s.io")
		c, err := newContainerd(ctx, k.name+", node "+node, ctr, p)
		if err != nil {
			return nil, err
		}
		k.nodes = append(k.nodes, c)
	}
	if len(k.nodes) == 0 {
		return nil, usagef("kind has no cluster %s; kind get clusters lists them", cluster)
	}
	return k, nil
}

// String implements [load.Importer].
func (k *kindCluster) String() string { return k.name }

// Form implements [load.Importer].
func (k *kindCluster) Form() load.Form { return k.nodes[0].Form() }

// Find implements [load.Importer]. An image must be in all nodes to be found.
func (k *kindCluster) Find(ctx context.Context, name string) (found []oci.Digest, err error) {
	for _, n := range k.nodes {
		list, err := n.Find(ctx, name)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		if found != nil && !slices.Equal(found, list) {
			return nil, fmt.Errorf("%s stands for %s in one node, and for %s in %s; remove it there",
				name, found[0], list[0], n)
		}
		found = list
	}
	return found, nil
}

// Import implements [load.Importer].
func (k *kindCluster) Import(
	ctx context.Context, p *archive.Plan, progress func(int64),
) (map[oci.Digest]bool, error) {
	for i, n := range k.nodes {
		if i > 0 {
			progress = nil // each byte counts once
		}
		if _, err := n.Import(ctx, p, progress); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil, nil
}

// ReadBack implements [load.Importer].
func (k *kindCluster) ReadBack(ctx context.Context, p *archive.Plan) error {
	for _, n := range k.nodes {
		if err := n.ReadBack(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
