package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
)

// checkDir refuses a folder for statements that is not there: better now than
// after the bundle has been read.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return usagef("--attestation-out %s: want a folder", dir)
	}
	if register.Begun(dir) {
		return inRegister(dir)
	}
	return nil
}

// writeStatements writes the statement of each attestation that counts into
// dir, byte by byte as it was signed. Of a bundle that is not verified nothing
// counts.
func writeStatements(dir string, rep *verify.Report) error {
	if dir == "" || rep.Verdict != verify.Verified {
		return nil
	}
	for i := range rep.Images {
		for _, a := range rep.Images[i].Attestations {
			if !a.Counts || len(a.Payload) == 0 {
				continue
			}
			name, err := statementName(a.Digest)
			if err != nil {
				return err
			}
			if err := writeWhole(filepath.Join(dir, name), a.Payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// statementName names a file by nothing but a digest and the number of a layer:
// what the bundle says must not choose where is written.
func statementName(id string) (string, error) {
	manifest, layer, found := strings.Cut(id, "#")
	if !found {
		layer = "0"
	}
	d, err := oci.ParseDigest(manifest)
	if err != nil {
		return "", err
	}
	if strings.Trim(layer, "0123456789") != "" || layer == "" {
		return "", fmt.Errorf("attestation %q: want the number of a layer", id)
	}
	return d.Hex() + "-" + layer + ".json", nil
}
