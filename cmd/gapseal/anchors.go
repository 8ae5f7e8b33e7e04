package main

import (
	"regexp"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

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
