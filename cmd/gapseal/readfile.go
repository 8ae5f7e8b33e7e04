package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// maxAnchor is how large a key or trusted root file may be, in bytes.
const maxAnchor = 4 << 20

// readAnchor reads a small file that the operator named, by a flag or else as an
// argument.
func readAnchor(flag, path string) ([]byte, error) {
	if flag != "" {
		flag += ": "
	}
	raw, err := readAtMost(path, maxAnchor)
	if err != nil {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return nil, usagef("%s%s is a directory, not a file", flag, path)
		}
		return nil, fmt.Errorf("%s%w", flag, err)
	}
	if len(raw) > maxAnchor {
		return nil, usagef("%s%s: is larger than %d bytes; that is no key and no trusted root", flag, path, maxAnchor)
	}
	return raw, nil
}

// readAtMost reads up to max bytes of a file and one more, by which the caller
// can tell.
func readAtMost(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}

// hashFile returns the SHA-256 of a file.
func hashFile(path string) (verify.Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return verify.Text(oci.FromSum([sha256.Size]byte(h.Sum(nil)))), nil
}
