package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

// maxReferences is how many references a cell holds.
const maxReferences = 16

// csvHeader names the columns. Columns may be added at the end; none is ever
// removed.
var csvHeader = []string{"path", "digest", "size", "mediaType", "images", "references", "state", "verdict", "waivers",
	"vouchedBy"}

// CSV writes a table (RFC 4180) with a row for each blob: its path in the bundle,
// its size in bytes, the images that it belongs to by digest and by claimed
// reference, its state, and the verdict on the bundle as a whole. Every field is
// quoted, because some spreadsheets end a cell at a semicolon. No cell can be
// taken for a formula.
func CSV(w io.Writer, r *verify.Report) error {
	b := bufio.NewWriter(w)
	csvRow(b, csvHeader...)
	names, vouched := references(r), vouchers(r)
	for i := range r.Blobs {
		blob := &r.Blobs[i]
		path := ""
		if hex, ok := hexDigest(blob.Digest); ok {
			path = blobFolder + hex
		}
		csvRow(b,
			path,
			blob.Digest,
			strconv.FormatInt(blob.Size, 10),
			string(blob.MediaType),
			strings.Join(blob.Images, " "),
			strings.Join(atMost(blob.Images, names), " "),
			string(blob.State),
			string(r.Verdict),
			strings.Join(r.Waivers, "; "),
			strings.Join(kinds(blob.Images, vouched), " "),
		)
	}
	return b.Flush()
}

// vouchers returns what vouches for each image, by its digest.
func vouchers(r *verify.Report) map[string]string {
	by := map[string]string{}
	for i := range r.Images {
		by[r.Images[i].Digest] = string(r.Images[i].VouchedBy)
	}
	return by
}

// kinds returns what vouches for images, each kind once.
func kinds(images []string, by map[string]string) (list []string) {
	for _, d := range images {
		if kind := by[d]; kind != "" && !slices.Contains(list, kind) {
			list = append(list, kind)
		}
	}
	return list
}

// atMost returns the references of images, at most [maxReferences], and how many
// more there are.
func atMost(images []string, names map[string][]string) (list []string) {
	more := 0
	for _, d := range images {
		room := min(maxReferences-len(list), len(names[d]))
		list = append(list, names[d][:room]...)
		more += len(names[d]) - room
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("(and %d more)", more))
	}
	return list
}

// references returns the claimed references of each image, by its digest.
func references(r *verify.Report) map[string][]string {
	names := map[string][]string{}
	for i := range r.Images {
		img := &r.Images[i]
		names[img.Digest] = append(names[img.Digest], img.ClaimedReference)
	}
	return names
}

func csvRow(b *bufio.Writer, fields ...string) {
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.ReplaceAll(cell(f), `"`, `""`) + `"`)
	}
	b.WriteString("\r\n")
}

// cell keeps a spreadsheet from taking text for a formula: text that begins like
// one, in narrow or in full width, gets an apostrophe, which marks text. Some
// programs skip tabs and line breaks before they look; term.Shown has escaped
// these.
func cell(s string) string {
	s = term.Shown(s)
	if strings.ContainsAny(first(strings.TrimLeft(s, " ")), "=+-@＝＋－＠") {
		return "'" + s
	}
	return s
}

// first returns the first character of s.
func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
