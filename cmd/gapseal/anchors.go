package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// maxAnchor is how large a key or trusted root file may be, in bytes.
const maxAnchor = 4 << 20

// readAnchor reads a small file that the operator named.
func readAnchor(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, usagef("%s is a directory, not a file", path)
	}
	raw, err := readAtMost(f, maxAnchor)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxAnchor {
		return nil, usagef("%s: is larger than %d bytes; that is no key and no trusted root", path, maxAnchor)
	}
	return raw, nil
}

// inputs are the files that the operator named, besides the bundle.
func (j *judging) inputs() []string {
	return slices.Concat(j.keys, j.rekorKeys, []string{j.trustedRoot, j.policy})
}

// keepApart refuses to write over what is read.
func keepApart(output string, inputs []string) error {
	out, err := os.Stat(output)
	if err != nil {
		return nil // nothing is there to be lost
	}
	for _, path := range inputs {
		if in, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return usagef("%s is read by this very command and would be overwritten; write to another file", output)
		}
	}
	return nil
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// pinKey takes --key of verify: a PEM file, or a fingerprint that selects a key
// in the bundle. Nothing is fetched.
func pinKey(arg string, o *verify.Options) error {
	if isURL(arg) {
		return usagef("--key %s: verify never uses a network; fetch the key on a connected host, compare its fingerprint, and pass the file", hideUser(arg))
	}
	if strings.HasPrefix(arg, "sha256:") {
		f, err := trust.ParseFingerprint(arg)
		if err != nil {
			return usagef("--key: %v", err)
		}
		o.Fingerprints = append(o.Fingerprints, f)
		return nil
	}
	return keyFile(arg, o)
}

func keyFile(path string, o *verify.Options) error {
	raw, err := readAnchor(path)
	if err != nil {
		return err
	}
	return addKey(raw, absolute(path), o)
}

func addKey(raw []byte, path string, o *verify.Options) error {
	key, err := trust.ParseKey(raw)
	if err != nil {
		return usagef("--key %s: %v", path, err)
	}
	key.Path = path
	o.Keys = append(o.Keys, key)
	return nil
}

// absolute makes a report readable elsewhere.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// parseLogs gathers the trusted logs: those named, or else the built-in ones.
func (j *judging) parseLogs(o *verify.Options) error {
	for _, path := range j.rekorKeys {
		raw, err := readAnchor(path)
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
