package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/trust"
)

// anchors holds the flags that say whom export and verify trust.
type anchors struct {
	keys, rekorKeys []string
	trustedRoots    []string
	policy          string
	identity        cert.Policy // of a keyless signer
	notes           []string    // to be shown to the user
}

func (a *anchors) declare(fs *pflag.FlagSet, keyHelp string) {
	fs.StringArrayVar(&a.keys, "key", nil, keyHelp)
	a.declareIdentity(fs)
	fs.StringArrayVar(&a.trustedRoots, "trusted-root", nil,
		"trust this Sigstore trusted root, a `FILE` or folder, instead of the built-in one (repeatable)")
	fs.StringArrayVar(&a.rekorKeys, "rekor-key", nil,
		"trust the transparency log with this PEM `FILE` instead of the built-in ones (repeatable)")
	fs.StringVar(&a.policy, "policy", "",
		"demand what this policy `FILE` (YAML) demands, as well as the flags; gapseal policy check explains it")
}

// declareIdentity declares the flags of a keyless signer, by cosign's names.
func (a *anchors) declareIdentity(fs *pflag.FlagSet) {
	p := &a.identity
	fs.StringVar(&p.SAN, "certificate-identity", "",
		"demand a keyless signature by `IDENTITY`, an e-mail address or URI")
	fs.StringVar(&p.SANRegexp, "certificate-identity-regexp", "",
		"the same as a regular expression `RE`, which must match the whole identity")
	fs.StringVar(&p.Issuer, "certificate-oidc-issuer", "", "demand that `ISSUER` vouched for the identity")
	fs.StringVar(&p.IssuerRegexp, "certificate-oidc-issuer-regexp", "",
		"the same as a regular expression `RE`, which must match the whole issuer")
	w := &p.GitHubWorkflow
	fs.StringVar(&w.Trigger, "certificate-github-workflow-trigger", "",
		"demand this GitHub workflow `EVENT` in the certificate")
	fs.StringVar(&w.SHA, "certificate-github-workflow-sha", "", "demand this commit `SHA` in the certificate")
	fs.StringVar(&w.Name, "certificate-github-workflow-name", "", "demand this workflow `NAME` in the certificate")
	fs.StringVar(&w.Repository, "certificate-github-workflow-repository", "",
		"demand this `OWNER/REPO` in the certificate")
	fs.StringVar(&w.Ref, "certificate-github-workflow-ref", "", "demand this git `REF` in the certificate")
}

// namesSigner reports whether a flag says who may sign.
func (a *anchors) namesSigner() bool {
	return len(a.keys) > 0 || a.policy != "" || a.keyless()
}

// keyless reports whether a flag names a keyless signer.
func (a *anchors) keyless() bool { return a.identity != cert.Policy{} }

// inputs returns the files that the flags name, with the fingerprints among them.
func (a *anchors) inputs() []string {
	return slices.Concat(a.keys, a.rekorKeys, a.trustedRoots, []string{a.policy})
}

// parse puts into o what the flags say is trusted. loadKey reads one --key.
func (a *anchors) parse(o *verify.Options, loadKey func(arg string, o *verify.Options) error) error {
	for _, k := range a.keys {
		if err := loadKey(k, o); err != nil {
			return err
		}
	}
	for _, k := range o.Keys {
		if c := k.Certificate; c != nil {
			a.notes = append(a.notes, fmt.Sprintf("%s is a certificate of %s, valid from %s to %s: its public key is "+
				"pinned, and nothing else in it is judged, its dates included", k.Path, c.Subject,
				c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly)))
		}
	}
	for _, parse := range []func(*verify.Options) error{a.parseLogs, a.parseIdentity, a.parsePolicy, a.useBuiltin} {
		if err := parse(o); err != nil {
			return err
		}
	}
	return nil
}

// writeNotes writes what the user should know about the anchors.
func (a *anchors) writeNotes(w io.Writer) {
	for _, n := range a.notes {
		term.Say(w, "note: %s", term.Escape(n))
	}
}

// pinKey takes --key of verify: a PEM file, or a fingerprint that selects a key
// in the bundle. Nothing is fetched.
func pinKey(arg string, o *verify.Options) error {
	if isURL(arg) {
		return usagef("--key %s: verify never uses a network; fetch the key on a connected host, compare its "+
			"fingerprint, and pass the file", hideUser(arg))
	}
	if isFingerprint(arg) {
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

// isFingerprint reports whether --key is meant as a fingerprint, not as a file.
func isFingerprint(arg string) bool { return strings.HasPrefix(strings.ToLower(arg), "sha256:") }

// addKey pins the keys in a PEM file.
func addKey(path string, o *verify.Options) error {
	keys, err := readKeys("--key", path)
	o.Keys = append(o.Keys, keys...)
	return err
}

// readKeys reads the public keys in a PEM file that a flag names.
func readKeys(flag, path string) ([]*trust.Key, error) {
	if isURL(path) {
		return nil, usagef("%s %s: no network is used here; pass a file", flag, hideUser(path))
	}
	if isFingerprint(path) && !exists(path) {
		return nil, usagef("%s %s: a fingerprint is not enough here; pass the PEM file of the key", flag, path)
	}
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(flag, path, raw)
	for _, key := range keys {
		key.Path = absolute(path)
	}
	return keys, err
}

func parseKeys(flag, path string, raw []byte) ([]*trust.Key, error) {
	keys, err := trust.ParseKeys(raw)
	if err != nil && bytes.HasPrefix(raw, []byte("oci-layout\x00")) {
		return nil, usagef("%s %s: that is a bundle, not a key; was the order of the arguments meant to be another?",
			flag, path)
	}
	if err != nil {
		return nil, usagef("%s %s: %v", flag, path, err)
	}
	for _, key := range keys {
		key.Path = path
	}
	return keys, nil
}

// publicKeys reads the public keys that a repeatable flag names, each a PEM file.
func publicKeys(flag string, paths []string) (keys []*trust.Key, err error) {
	for _, path := range paths {
		read, err := readKeys(flag, path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, read...)
	}
	return keys, nil
}

// parseLogs gathers the trusted logs: those that flags name, else the built-in
// ones.
func (a *anchors) parseLogs(o *verify.Options) error {
	for _, path := range a.rekorKeys {
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
	roots, err := readRoots("--trusted-root", a.trustedRoots)
	if err != nil {
		return err
	}
	if len(roots)+len(a.rekorKeys) == 0 {
		o.Logs = trust.BuiltinLogs()
	}
	a.useRoots(o, roots)
	return nil
}

// parseIdentity demands the keyless signer. A key and an identity together are an
// error: each signature is made by one or the other.
func (a *anchors) parseIdentity(o *verify.Options) error {
	p := &a.identity
	switch {
	case !a.keyless():
		return nil
	case len(o.Keys)+len(o.Fingerprints) > 0:
		return usagef("--key and --certificate-identity exclude each other: pass the one that signed the images")
	case p.Issuer+p.IssuerRegexp == "":
		return usagef("--certificate-identity needs --certificate-oidc-issuer, too: it says who must have vouched " +
			"for the identity")
	case p.SAN+p.SANRegexp == "":
		return usagef("--certificate-oidc-issuer needs --certificate-identity, too: it says whom the issuer must " +
			"have vouched for")
	}
	if err := p.Validate(); err != nil {
		return usagef("--certificate-identity and --certificate-oidc-issuer: %v", err)
	}
	o.Identities = []*cert.Policy{p}
	return nil
}

// readPolicy reads a policy file that a flag or, without one, an argument names.
// The key files that it names are relative to its own folder.
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
func (a *anchors) parsePolicy(o *verify.Options) error {
	if a.policy == "" {
		return nil
	}
	p, err := readPolicy("--policy", a.policy)
	if err != nil {
		return err
	}
	o.Policy, o.SealKeys = &p.Policy, p.SealKeys
	return a.refuseUnused(o)
}

// refuseUnused refuses a signer that a flag names if the policy itself names the
// signers of every image that it accepts: the report would list the signer as
// trusted, although it can vouch for nothing.
func (a *anchors) refuseUnused(o *verify.Options) error {
	if len(o.Keys)+len(o.Fingerprints)+len(o.Identities) == 0 || o.Policy.JudgeUnlisted {
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
	return usagef("%s would go unused: each rule of the policy %s says who may sign, and images that no rule matches "+
		"are refused; drop the flag, or have the policy changed", flag, a.policy)
}

// keepPolicyKeys refuses to write over the key files that the policy names.
func keepPolicyKeys(outputs []string, o *verify.Options) error {
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

// joinSealKeys joins the seal keys of a policy and those of flags. If the policy
// names seal keys, flags can select from them but not add to them.
func joinSealKeys(policy, flags []*trust.Key) ([]*trust.Key, error) {
	if len(policy) == 0 || len(flags) == 0 {
		return slices.Concat(policy, flags), nil
	}
	for _, k := range flags {
		if !slices.ContainsFunc(policy, func(p *trust.Key) bool { return p.Fingerprint() == k.Fingerprint() }) {
			return nil, usagef("--seal-key %s: the policy names who may seal, and this key is not among them; drop "+
				"the flag, or have the policy changed", k.Path)
		}
	}
	return flags, nil
}
