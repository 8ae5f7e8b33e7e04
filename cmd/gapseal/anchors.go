package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	xterm "golang.org/x/term"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/trust"
)

// pinKey takes --key of verify: a PEM file, or a fingerprint that selects a key
// in the bundle. Nothing is fetched.
func pinKey(arg string, o *verify.Options) error {
	if isURL(arg) {
		return usagef("--key %s: verify never uses a network; fetch the key on a connected host, compare its fingerprint, and pass the file", hideUser(arg))
	}
	if strings.HasPrefix(strings.ToLower(arg), "sha256:") {
		f, err := trust.ParseFingerprint(arg)
		if err != nil {
			return usagef("--key: %v", err)
		}
		o.Fingerprints = append(o.Fingerprints, f)
		return nil
	}
	if hexDigest.MatchString(arg) && !exists(arg) {
		return usagef("--key %s: there is no such file; if it is a fingerprint, it begins with sha256:", arg)
	}
	return addKey(arg, o)
}

// hexDigest is a SHA-256 without what says so.
var hexDigest = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// addKey pins the key in a PEM file.
func addKey(path string, o *verify.Options) error {
	key, err := readKey("--key", path)
	if err == nil {
		o.Keys = append(o.Keys, key)
	}
	return err
}

// readKey reads the public key in a PEM file that a flag names.
func readKey(flag, path string) (*trust.Key, error) {
	if isURL(path) {
		return nil, usagef("%s %s: no network is used here; pass a file", flag, hideUser(path))
	}
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(flag, path, raw)
	if err == nil {
		key.Path = absolute(path)
	}
	return key, err
}

func parseKey(flag, path string, raw []byte) (*trust.Key, error) {
	key, err := trust.ParseKey(raw)
	if err != nil {
		return nil, usagef("%s %s: %v", flag, path, err)
	}
	key.Path = path
	return key, nil
}

// parseLogs gathers the trusted logs: those named, or else the built-in ones.
func (j *judging) parseLogs(o *verify.Options) error {
	for _, path := range j.rekorKeys {
		raw, err := readAnchor("--rekor-key", path)
		if err != nil {
			return err
		}
		log, err := trust.ParseLogKey(raw)
		if err != nil {
			return usagef("--rekor-key %s: %v", path, err)
		}
		log.Path = absolute(path)
		o.Logs = append(o.Logs, *log)
	}
	if j.trustedRoot != "" {
		if err := j.parseRoot(o); err != nil {
			return err
		}
	}
	if len(j.rekorKeys) == 0 && j.trustedRoot == "" {
		o.Logs = trust.BuiltinLogs()
	}
	return nil
}

// identity holds the flags that demand a keyless signer, by the names that
// cosign gives them.
type identity struct{ policy cert.Policy }

func (i *identity) declare(fs *pflag.FlagSet) {
	p := &i.policy
	fs.StringVar(&p.SAN, "certificate-identity", "", "demand a keyless signature by `IDENTITY`, an e-mail address or URI; needs --trusted-root")
	fs.StringVar(&p.SANRegexp, "certificate-identity-regexp", "", "the same as a regular expression `RE`, which must match the whole identity")
	fs.StringVar(&p.Issuer, "certificate-oidc-issuer", "", "demand that `ISSUER` vouched for the identity")
	fs.StringVar(&p.IssuerRegexp, "certificate-oidc-issuer-regexp", "", "the same as a regular expression `RE`, which must match the whole issuer")
	fs.StringVar(&p.GitHubWorkflow.Trigger, "certificate-github-workflow-trigger", "", "demand this GitHub workflow `EVENT` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.SHA, "certificate-github-workflow-sha", "", "demand this commit `SHA` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Name, "certificate-github-workflow-name", "", "demand this workflow `NAME` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Repository, "certificate-github-workflow-repository", "", "demand this `OWNER/REPO` in the certificate")
	fs.StringVar(&p.GitHubWorkflow.Ref, "certificate-github-workflow-ref", "", "demand this git `REF` in the certificate")
}

// given reports whether any of the flags was used.
func (i *identity) given() bool { return i.policy != (cert.Policy{}) }

// parse puts the demand into o. A key and an identity together are an error:
// each signature is made by one or the other.
func (i *identity) parse(o *verify.Options) error {
	if !i.given() {
		return nil
	}
	if len(o.Keys)+len(o.Fingerprints) > 0 {
		return usagef("--key and --certificate-identity exclude each other: pass the one by which the images are signed")
	}
	p := &i.policy
	switch {
	case p.Issuer+p.IssuerRegexp == "":
		return usagef("--certificate-identity needs --certificate-oidc-issuer, too: it says who must have vouched for the identity")
	case p.SAN+p.SANRegexp == "":
		return usagef("--certificate-oidc-issuer needs --certificate-identity, too: it says whom the issuer must have vouched for")
	}
	if err := i.policy.Validate(); err != nil {
		return usagef("--certificate-identity and --certificate-oidc-issuer: %v", err)
	}
	if len(o.CAs) == 0 {
		return usagef("a keyless signature needs the certificate authorities of a trusted root that has some: --trusted-root FILE")
	}
	o.Identities = []*cert.Policy{&i.policy}
	return nil
}

// parseRoot takes what a trusted root vouches for.
func (j *judging) parseRoot(o *verify.Options) error {
	root, err := readRoot("--trusted-root", j.trustedRoot)
	if err != nil {
		return err
	}
	for i := range root.Logs {
		root.Logs[i].Path = root.Path
	}
	o.Logs = append(o.Logs, root.Logs...)
	o.CAs, o.TSAs, o.CTLogs = root.CAs, root.TSAs, root.CTLogs
	o.Roots = append(o.Roots, rootAnchors(root)...)
	for _, s := range root.Unsupported {
		j.notes = append(j.notes, "left out, and vouches for nothing: "+s)
	}
	return nil
}

// readRoot reads a trusted root file, named by a flag or else an argument.
func readRoot(flag, path string) (*trust.Root, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	root, err := trust.ParseTrustedRoot(raw)
	if err != nil {
		return nil, usagef("%s: %v", named(flag, path), err)
	}
	root.Path = absolute(path)
	return root, nil
}

// rootAnchors lists the root and what it vouches for, but its logs, for the
// report.
func rootAnchors(root *trust.Root) []verify.Anchor {
	list := []verify.Anchor{{Kind: "root", Fingerprint: verify.Text(root.Digest), Newest: newest(root)}}
	for _, c := range root.CAs {
		list = append(list, verify.Anchor{Kind: "ca", Fingerprint: verify.Text(certFingerprint(&c.Authority)), Name: verify.Text(c.Name)})
	}
	for _, l := range root.CTLogs {
		list = append(list, verify.Anchor{Kind: "ctlog", Fingerprint: verify.Text(l.Key.Fingerprint()), Name: verify.Text(l.Name)})
	}
	for _, a := range root.TSAs {
		list = append(list, verify.Anchor{Kind: "tsa", Fingerprint: verify.Text(certFingerprint(&a.Authority)), Name: verify.Text(a.Name)})
	}
	for i := range list {
		list[i].Source, list[i].Path = trust.SourceFile, verify.Text(root.Path)
	}
	return list
}

func newest(root *trust.Root) *time.Time {
	if t := root.Newest(); !t.IsZero() {
		return &t
	}
	return nil
}

// certFingerprint is the SHA-256 of the certificate that an authority's chain
// ends in.
func certFingerprint(a *trust.Authority) string {
	return string(oci.FromBytes(a.Anchor().Raw))
}

// tell writes what is worth knowing of the anchors, each once.
func (j *judging) tell(w io.Writer) {
	for _, n := range j.notes {
		term.Say(w, "note: %s", term.Escape(n))
	}
}

// readPolicy reads a policy file, named by a flag or else an argument. Keys that
// it names lie beside it.
func readPolicy(flag, path string) (*policy.Policy, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(raw, func(name string) ([]byte, string, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		raw, err := readAnchor("", name)
		return raw, absolute(name), err
	})
	if err != nil {
		return nil, usagef("%s: %v", named(flag, path), err)
	}
	p.Path = absolute(path)
	return p, nil
}

// parsePolicy adds what the policy demands.
func (j *judging) parsePolicy(o *verify.Options) error {
	if j.policy == "" {
		return nil
	}
	p, err := readPolicy("--policy", j.policy)
	if err != nil {
		return err
	}
	for _, r := range p.Rules {
		if len(r.Identities) > 0 && len(o.CAs) == 0 {
			return usagef("--policy %s names identities; they need the certificate authorities of a trusted root: --trusted-root FILE", j.policy)
		}
	}
	o.Policy, o.SealKeys = &p.Policy, p.SealKeys
	return j.unused(o)
}

// unused refuses who is named by flag where the policy leaves no room for them:
// they would stand in the report as trusted, and vouch for nothing.
func (j *judging) unused(o *verify.Options) error {
	if len(o.Keys)+len(o.Fingerprints) == 0 && len(o.Identities) == 0 || o.Policy.JudgeUnlisted {
		return nil
	}
	for _, r := range o.Policy.Rules {
		if len(r.Keys)+len(r.Fingerprints)+len(r.Identities) == 0 {
			return nil
		}
	}
	flag := "--key"
	if len(o.Identities) > 0 {
		flag = "--certificate-identity"
	}
	return usagef("%s would go unused: each rule of the policy %s says who may sign, and images that no rule matches are refused; drop the flag, or have the policy changed", flag, j.policy)
}

// apart refuses to write over the key files that the policy names.
func (j *judging) apart(outputs []string, o *verify.Options) error {
	files := keyFiles(o.SealKeys)
	if o.Policy != nil {
		for _, r := range o.Policy.Rules {
			files = append(files, keyFiles(r.Keys)...)
		}
	}
	for _, out := range outputs {
		if err := keepApart(out, files); err != nil {
			return err
		}
	}
	return nil
}

// joinSealKeys joins the seal keys of a policy and those of flags. Where a policy
// names who may seal, a flag can narrow that and not widen it.
func joinSealKeys(policy, flags []*trust.Key) ([]*trust.Key, error) {
	if len(policy) == 0 || len(flags) == 0 {
		return slices.Concat(policy, flags), nil
	}
	for _, k := range flags {
		if !slices.ContainsFunc(policy, func(p *trust.Key) bool { return p.Fingerprint() == k.Fingerprint() }) {
			return nil, usagef("--seal-key %s: the policy names who may seal, and this key is not among them; drop the flag, or have the policy changed", k.Path)
		}
	}
	return flags, nil
}

// passwordVariable holds the password of an encrypted key, as for cosign.
const passwordVariable = "COSIGN_PASSWORD"

// loadSigner reads the private key that a flag names. The password of an
// encrypted one comes from the environment, else from whoever sits at the
// terminal.
func loadSigner(ctx context.Context, flag, path string, std stdio) (*dsse.Signer, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.LoadSigner(raw, func() ([]byte, error) { return password(ctx, path, std) })
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, usagef("%s %s: %v", flag, path, err)
	}
	return signer, err
}

func password(ctx context.Context, path string, std stdio) ([]byte, error) {
	if p, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(p), nil
	}
	if !term.IsTerminal(std.in) {
		return nil, fmt.Errorf("the key is encrypted; give its password in the environment variable %s, or run this in a terminal", passwordVariable)
	}
	fmt.Fprintf(std.err, "Password of %s: ", term.Escape(path))
	defer fmt.Fprintln(std.err)
	return readPassword(ctx, std.in)
}

// readPassword reads a line that is not shown. An interrupt gives the terminal
// back as it was.
func readPassword(ctx context.Context, in *os.File) ([]byte, error) {
	fd := int(in.Fd())
	before, err := xterm.GetState(fd)
	if err != nil {
		return nil, err
	}
	type answer struct {
		line []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		line, err := xterm.ReadPassword(fd)
		done <- answer{line, err}
	}()
	select {
	case a := <-done:
		return a.line, a.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), xterm.Restore(fd, before))
	}
}

// publicKeys reads the public keys that a repeatable flag names, each a PEM file.
func publicKeys(flag string, paths []string) (keys []*trust.Key, err error) {
	for _, path := range paths {
		key, err := readKey(flag, path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
