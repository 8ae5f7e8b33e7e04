package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// errNoFileDigest says that a list of checksums was asked for in vain.
var errNoFileDigest = errors.New("the SHA-256 of the bundle file is not in the report; verify with --file-digest")

// SHA256 writes a line for sha256sum -c: the digest of the bundle file, as found,
// under the name that it has in its own folder; of a bundle in volumes, a line
// for each of them. Standard input is called
// -, which sha256sum reads from its own. It needs the report's FileDigest, and
// returns an error without.
func SHA256(w io.Writer, r *verify.Report) error {
	if len(r.Bundle.Volumes) > 0 {
		return sha256Volumes(w, r.Bundle.Volumes)
	}
	hex, ok := hexDigest(string(r.Bundle.FileDigest))
	if !ok {
		return errNoFileDigest
	}
	_, err := io.WriteString(w, sumLine(hex, filepath.Base(r.Bundle.Path)))
	return err
}

func sha256Volumes(w io.Writer, volumes []verify.Volume) error {
	for _, v := range volumes {
		hex, ok := hexDigest(string(v.Digest))
		if !ok {
			return errNoFileDigest
		}
		if _, err := io.WriteString(w, sumLine(hex, v.Name)); err != nil {
			return err
		}
	}
	return nil
}

// markerDigest is the SHA-256 of oci-layout, whose content the format dictates.
const markerDigest = "18f0797eab35a4597c1e9624aa4f15fd91f6254e5538c1e0d193b2a95dd4acc6"

// SHA256Files writes a line for sha256sum -c for each file that unpacking the
// bundle makes: oci-layout, index.json and the blobs, as they should be. A blob
// that is there and should not be has no line.
func SHA256Files(w io.Writer, r *verify.Report) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, sumLine(markerDigest, "oci-layout"))
	if hex, ok := hexDigest(string(r.Bundle.Identity)); ok {
		fmt.Fprint(b, sumLine(hex, "index.json"))
	}
	for i := range r.Blobs {
		if hex, ok := hexDigest(r.Blobs[i].Digest); ok && r.Blobs[i].State != check.Unlisted {
			fmt.Fprint(b, sumLine(hex, blobFolder+hex))
		}
	}
	return b.Flush()
}

// blobFolder is where a bundle has its blobs.
const blobFolder = "blobs/sha256/"

// sumLine is a line of sha256sum. A name that would break the line is escaped
// as sha256sum does it, which a backslash before the digest announces. Nothing
// else is: the name has to be that of the file.
func sumLine(hex, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	if escaped != name {
		hex = `\` + hex
	}
	return hex + "  " + escaped + "\n"
}

// hexDigest returns the 64 digits of a SHA-256 digest; ok is false for any other
// text.
func hexDigest(s string) (hex string, ok bool) {
	hex, ok = strings.CutPrefix(s, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return hex, true
}
