package main

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// readRoots reads the trusted roots that a flag or, without one, an argument names:
// each a file or a folder. The PEM files of one folder are one root, and so are those
// that are named one by one: roots of two instances must not be mixed.
func readRoots(flag string, paths []string) ([]*trust.Root, error) {
	var roots []*trust.Root
	loose, first := map[string][]byte{}, ""
	for _, path := range paths {
		read, pems, err := readRoot(flag, path)
		if err != nil {
			return nil, err
		}
		roots = append(roots, read...)
		if _, alone := pems[path]; alone {
			loose[path], first = pems[path], cmp.Or(first, path)
			continue
		}
		if roots, err = addPEM(flag, path, roots, pems); err != nil {
			return nil, err
		}
	}
	return addPEM(flag, first, roots, loose)
}

// readRoot reads what a path names: roots, or the PEM files that make one.
func readRoot(flag, path string) (roots []*trust.Root, pems map[string][]byte, err error) {
	files, err := rootFiles(flag, path)
	if err != nil {
		return nil, nil, err
	}
	pems = map[string][]byte{}
	for _, file := range files {
		raw, err := readAnchor(flag, file)
		if err != nil {
			return nil, nil, err
		}
		if bytes.Contains(raw, []byte("-----BEGIN ")) {
			pems[file] = raw
			continue
		}
		read, err := trust.ParseRoots(raw)
		if err != nil {
			return nil, nil, usagef("%s: %v", named(flag, file), err)
		}
		for _, root := range read {
			root.Path = absolute(file)
		}
		roots = append(roots, read...)
	}
	return roots, pems, nil
}

// addPEM adds the root that PEM files make, if there are any.
func addPEM(flag, path string, roots []*trust.Root, pems map[string][]byte) ([]*trust.Root, error) {
	if len(pems) == 0 {
		return roots, nil
	}
	root, err := trust.FromPEM(pems)
	if err != nil {
		return nil, usagef("%s: %v", named(flag, path), err)
	}
	root.Path = absolute(path)
	return append(roots, root), nil
}

// rootFiles returns the file itself or, of a folder that a TUF client keeps, its
// trusted root, or else its PEM files.
func rootFiles(flag, path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, nil // reading it reports the error
	}
	for _, pattern := range []string{
		"trusted_root.json", "targets/trusted_root.json", "targets/*.trusted_root.json", "*.trusted_root.json",
	} {
		files, _ := filepath.Glob(filepath.Join(path, pattern)) // the pattern is well-formed
		if len(files) > 1 {
			return nil, usagef("%s: several trusted roots are in this folder, and only one of them is current; name "+
				"the file", named(flag, path))
		}
		if len(files) == 1 {
			return files, nil
		}
	}
	var pems []string
	for _, pattern := range []string{"*.pem", "*.pub", "targets/*.pem", "targets/*.pub"} {
		files, _ := filepath.Glob(filepath.Join(path, pattern))
		for _, file := range files {
			if trust.PEMPurpose(file) != "" {
				pems = append(pems, file)
			}
		}
	}
	if len(pems) == 0 {
		return nil, usagef("%s: this folder holds no trusted_root.json, at its top or in targets, and no PEM files "+
			"whose names say fulcio, rekor, ctfe or tsa", named(flag, path))
	}
	return pems, nil
}

// useRoots trusts what the roots vouch for, each as a domain of its own.
func (a *anchors) useRoots(o *verify.Options, roots []*trust.Root) {
	for _, root := range roots {
		o.TrustRoot(root)
		for _, s := range root.Unsupported {
			a.notes = append(a.notes, "left out, and vouches for nothing: "+s)
		}
	}
}

// useBuiltin trusts the authorities of the built-in root where an identity is
// demanded and no root was given. The logs are those that flags name, or else those
// of the built-in root.
func (a *anchors) useBuiltin(o *verify.Options) error {
	if !demandsIdentity(o) {
		return nil
	}
	if len(a.trustedRoots) == 0 {
		root := trust.BuiltinRoot()
		root.Logs = nil // the logs are chosen already
		o.TrustRoot(root)
		return nil
	}
	if len(o.CAs) > 0 || slices.ContainsFunc(o.More, func(d verify.Domain) bool { return len(d.CAs) > 0 }) {
		return nil
	}
	return usagef("a keyless signature needs certificate authorities, and %s lists none: pass a trusted root that has "+
		"some, or none for the built-in one", a.trustedRoots[0])
}

// demandsIdentity reports whether a keyless signer is demanded of some image.
func demandsIdentity(o *verify.Options) bool {
	return len(o.Identities) > 0 || o.Policy != nil &&
		slices.ContainsFunc(o.Policy.Rules, func(r verify.Rule) bool { return len(r.Identities) > 0 })
}

// stampers reports whether a trusted root lists timestamp authorities.
func stampers(o *verify.Options) bool {
	return len(o.TSAs) > 0 || slices.ContainsFunc(o.More, func(d verify.Domain) bool { return len(d.TSAs) > 0 })
}
