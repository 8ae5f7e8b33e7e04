package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/siteconfig"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/trust"
)

type configRun struct {
	anchors
	naming
	to, name, caCert, outputDir string
	ignoreTlog, allowHTTP       bool
	volumes                     []string
}

func configCommand(std stdio) *cobra.Command {
	r := &configRun{}
	c := &cobra.Command{
		Use:   "config KIND FILE --for DEST [flags]",
		Short: "print what runtimes and admission need next to loaded images",
		Long: `Print documents that the closed side needs to use the images of a bundle from
the registry that they were loaded into:

` + kindsText() + `
Only names come from the bundle, which is not verified here. Whom to trust comes
from the flags, as for gapseal verify. Each key and root is inline, so nothing
asks a TUF repository. Repeat --map, --keep-registry and --flatten of the load.`,
		Example: `
gapseal config containerd app.tar --for registry.plant:5000
gapseal config policy.json app.tar --for registry.plant --key cosign.pub
gapseal config openshift app.tar --for registry.plant | kubectl apply -f -
gapseal config policy-controller app.tar --for registry.plant \
    --policy imports.yaml --trusted-root trusted_root.json -o cluster`,
		Annotations: map[string]string{
			commonFlags: "for key certificate-identity certificate-oidc-issuer trusted-root policy map keep-registry " +
				"output-dir",
			flagHeadings: `
Where the images are: for map keep-registry flatten allow-http-registry registry-cacert
Who is trusted: key certificate-* trusted-root rekor-key policy insecure-ignore-tlog
Reading and writing: volumes name output-dir`,
		},
		Args:              takes(2, "a kind and one bundle"),
		ValidArgsFunction: completeKind,
		RunE:              runs(std, r.run),
	}
	fs := c.Flags()
	fs.StringVar(&r.to, "for", "", "registry that the images were loaded into: `DEST` of gapseal load")
	r.declarePaths(fs)
	r.anchors.declare(fs, "trust this key: a PEM `FILE`, or sha256:… to pick a key in the bundle (repeatable: any of "+
		"them will do)")
	fs.BoolVar(&r.ignoreTlog, "insecure-ignore-tlog", false,
		"waiver: accept signatures by a key without a log entry")
	fs.BoolVar(&r.allowHTTP, "allow-http-registry", false, "the registry has no TLS")
	fs.StringVar(&r.caCert, "registry-cacert", "", "`PATH` of the registry's CA certificate on each node, for "+
		"containerd")
	fs.StringVar(&r.name, "name", "gapseal", "`NAME` of files, and of objects in Kubernetes")
	fs.StringVarP(&r.outputDir, "output-dir", "o", "", "write files into `DIR`, which must exist (default: standard "+
		"output)")
	fs.StringArrayVar(&r.volumes, "volumes", nil, volumesUsage)
	return c
}

// kindsText lists the kinds for the help.
func kindsText() string {
	var b strings.Builder
	for _, k := range siteconfig.Kinds {
		fmt.Fprintf(&b, "  %-18s %s\n", k.Name, k.For)
	}
	return b.String()
}

func kindNames() (list []string) {
	for _, k := range siteconfig.Kinds {
		list = append(list, k.Name)
	}
	return list
}

// completeKind completes the kind, then the bundle.
func completeKind(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return words(kindNames()...)(c, args, typed)
	}
	return completeFile(c, args[1:], typed)
}

func (r *configRun) run(_ context.Context, args []string, std stdio) error {
	kind := siteconfig.FindKind(args[0])
	if kind == nil {
		return usagef("%q is not a kind of document; want one of %s", args[0], strings.Join(kindNames(), ", "))
	}
	site, err := r.site(kind)
	if err != nil {
		return err
	}
	o := verify.Options{IgnoreTlog: r.ignoreTlog}
	if err := r.anchors.parse(&o, pinKey); err != nil {
		return err
	}
	if site.Domains, err = r.domains(&o); err != nil && kind.Trust {
		return err
	}
	if err := r.addImages(site, args[1], &o, std); err != nil {
		return err
	}
	files, err := kind.Write(site)
	if errors.Is(err, siteconfig.ErrNoSigner) {
		return usagef("%v: pass --key or --certificate-identity, or a --policy that names signers; nothing in a "+
			"bundle is an anchor", err)
	}
	if err != nil {
		return usagef("%s: %v", kind.Name, err)
	}
	if !kind.Trust {
		r.notes = nil // they are about whom to trust
	}
	r.notes = append(r.notes, site.Notes...)
	r.writeNotes(std.err)
	return r.write(files, std)
}

// domains returns the trusted roots. If none was given, it returns the whole built-in one,
// since a TrustRoot takes logs only together with authorities.
func (r *configRun) domains(o *verify.Options) ([]verify.Domain, error) {
	all := o.Domains()
	if len(r.trustedRoots)+len(r.rekorKeys) == 0 {
		if p := o.Policy; p != nil && p.RefuseBuiltInRoot {
			return nil, usagef("the policy refuses the built-in root: pass --trusted-root or --rekor-key")
		}
		root := trust.BuiltinRoot()
		all[0].CAs, all[0].CTLogs, all[0].TSAs = root.CAs, root.CTLogs, root.TSAs
	}
	return all, nil
}

// site reads where the images went.
func (r *configRun) site(kind *siteconfig.Kind) (*siteconfig.Site, error) {
	if r.to == "" {
		return nil, usagef("--for says which registry the images were loaded into; pass the DEST of gapseal load")
	}
	if isURL(r.to) {
		return nil, usagef("--for %s: a destination is not a URL: write registry.example:5000/path", hideUser(r.to))
	}
	if _, local, err := parseLocal(r.to); local || err != nil {
		return nil, usagef("--for %s: documents are for a registry; a runtime that images were loaded into needs none",
			r.to)
	}
	place, err := load.ParseHost(r.to)
	if err != nil {
		return nil, usagef("--for: %v", err)
	}
	if !isLabel(r.name) {
		return nil, usagef("--name %q: want at most 50 lower-case letters, digits and hyphens, a letter first", r.name)
	}
	if r.caCert != "" && kind.Name != "containerd" {
		return nil, usagef("--registry-cacert goes into containerd's hosts.toml; %s takes the certificate elsewhere",
			kind.Name)
	}
	names, err := r.names()
	if err != nil {
		return nil, err
	}
	names.Host, names.Prefix = place.Host, place.Prefix
	return &siteconfig.Site{Name: r.name, Names: names, HTTP: r.allowHTTP, CA: r.caCert}, nil
}

// isLabel reports whether s can name an object in Kubernetes, with a number after it.
func isLabel(s string) bool {
	other := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }
	return s != "" && len(s) <= 50 && s[0] >= 'a' && s[0] <= 'z' && !strings.ContainsFunc(s, other) &&
		!strings.HasSuffix(s, "-")
}

// addImages adds the images that a bundle lists. Its content is not read.
func (r *configRun) addImages(site *siteconfig.Site, path string, o *verify.Options, std stdio) error {
	src, err := openBundle(path, std, r.volumes...)
	if err != nil {
		return err
	}
	defer src.Close()
	b, err := src.open(oci.Limits{})
	if err != nil {
		return err
	}
	if b.Inventory == nil {
		if list := b.Faults(); len(list) > 0 {
			return list[0]
		}
		return errors.New("the bundle has no inventory")
	}
	g := b.Walk()
	if err := checkDigests(path, g, o.Policy); err != nil {
		return err
	}
	keys := bundleKeys(b, g)
	for _, img := range b.Inventory.Images {
		ref, err := oci.ParseReference(img.Reference)
		if err == nil {
			err = site.Add(ref, formsOf(&img, g), o, keys)
		}
		if err != nil {
			return usagef("%s: %v", path, err)
		}
	}
	return nil
}

// checkDigests returns an error if an image contains a digest that the policy denies, which no
// document can say.
func checkDigests(path string, g *bundle.Graph, p *verify.Policy) error {
	if p == nil {
		return nil
	}
	for i := range g.Images {
		if d, ok := p.Deny.In(g, &g.Images[i]); ok {
			return usagef("%s: %s contains what the policy denies, so gapseal verify rejects this bundle: %s", path,
				g.Images[i].Reference, d)
		}
	}
	return nil
}

// formsOf returns the forms in which a bundle holds signatures of an image. A manifest with
// a subject becomes a referrer, not a tag.
func formsOf(img *bundle.Image, g *bundle.Graph) (f siteconfig.Forms) {
	for _, e := range img.Evidence {
		m := g.Manifests[e.Digest]
		if e.Subject == img.Digest && m != nil {
			f.Tag = f.Tag || e.Kind == oci.KindSignature && m.Subject == nil
			f.Bundle = f.Bundle || e.Kind == oci.KindBundle
		}
	}
	return f
}

// bundleKeys returns the keys that a bundle carries. None of them is trusted unless its
// fingerprint, which is computed from the key itself, is pinned.
func bundleKeys(b *bundle.Reader, g *bundle.Graph) (keys []*trust.Key) {
	for _, k := range b.Inventory.Keys {
		m := g.Manifests[k.Digest]
		if m == nil || len(m.Layers) != 1 {
			continue
		}
		if key, err := trust.ParseKey(b.Meta[m.Layers[0].Digest]); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// write writes the documents into files, or one after the other to standard output.
func (r *configRun) write(files []siteconfig.File, std stdio) error {
	if r.outputDir != "" {
		return r.writeFiles(files, std)
	}
	for i, f := range files {
		if filepath.Ext(f.Path) != ".json" { // which has no comments
			if i > 0 && strings.HasSuffix(f.Path, ".yaml") {
				fmt.Fprintln(std.out, "---")
			}
			fmt.Fprintf(std.out, "# File %s\n", f.Path)
		}
		if _, err := std.out.Write(f.Text); err != nil {
			return err
		}
	}
	return nil
}

func (r *configRun) writeFiles(files []siteconfig.File, std stdio) error {
	if info, err := os.Stat(r.outputDir); err != nil || !info.IsDir() {
		return usagef("--output-dir %s is not a folder; create it first", r.outputDir)
	}
	inputs := slices.Concat(r.anchors.inputs(), r.naming.inputs())
	for _, f := range files {
		path := filepath.Join(r.outputDir, filepath.FromSlash(f.Path))
		if _, err := os.Lstat(path); err == nil {
			return usagef("%s already exists, and a document does not replace a file; name another folder with "+
				"--output-dir, or remove it", path)
		}
		if err := keepApart(path, inputs); err != nil {
			return err
		}
	}
	for _, f := range files {
		path := filepath.Join(r.outputDir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeWhole(path, f.Text); err != nil {
			return err
		}
		term.Say(std.err, "wrote %s", term.Escape(path))
	}
	return nil
}
