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

// errNoFileDigest reports a report from which no list of checksums can be made.
var errNoFileDigest = errors.New("the report lacks the SHA-256 of the bundle file")

// SHA256 writes a line for sha256sum -c: the digest of the bundle file as found,
// and the name that it has in its own folder. For a bundle in volumes it writes a
// line for each volume. Standard input is called -, by which sha256sum means its
// own standard input. It returns an error if the report lacks Bundle.FileDigest
// or the digest of a volume.
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

// markerDigest is the SHA-256 of the file oci-layout. The format dictates its
// content.
const markerDigest = "18f0797eab35a4597c1e9624aa4f15fd91f6254e5538c1e0d193b2a95dd4acc6"

// SHA256Files writes a line for sha256sum -c for each file of the unpacked
// bundle: oci-layout, index.json and the blobs, with the digests that they should
// have. A blob that should not be in the bundle has no line.
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

// sumLine returns a line of sha256sum. A name that would break the line is
// escaped as sha256sum does it, which a backslash before the digest announces.
// Nothing else is escaped: the name has to be that of the file.
func sumLine(hex, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	if escaped != name {
		hex = `\` + hex
	}
	return hex + "  " + escaped + "\n"
}
