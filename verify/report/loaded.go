package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

// What was loaded, in the text and on the page.

// loaded writes what became of each image, and in the last line of all whether
// everything arrived.
func (t *text) loaded() {
	l := t.r.Loaded
	if l == nil {
		return
	}
	t.line("")
	for i := range l.Images {
		t.loadedImage(&l.Images[i])
	}
	for i, b := range l.Unreferenced {
		if i == maxAlike {
			t.row("", fmt.Sprintf("and %d more; the JSON report lists them all", len(l.Unreferenced)-i))
			break
		}
		t.row("left", term.Short(b.Digest)+" in "+b.Repository+", which nothing names")
	}
	t.head(strings.ToUpper(Loading(t.r)[:1]) + Loading(t.r)[1:])
}

func (t *text) loadedImage(img *verify.LoadedImage) {
	switch {
	case img.Skipped != "":
		t.row("Skipped", img.Reference, string(img.Skipped))
		t.line("")
		return
	case img.Error != "" && t.r.Loaded.Unfinished == verify.LoadBegun:
		t.head("Began to load " + term.Shown(img.Reference))
	case img.Error != "":
		t.head("FAILED to load " + term.Shown(img.Reference))
	default:
		t.row("Loaded", img.Digest)
		t.row("from", img.Reference)
	}
	t.row("for", platforms(img))
	to := "as"
	if inRegistry(t.r.Loaded, img) {
		to = "to"
	}
	t.row(to, Place(img), was(img))
	t.row("why", strings.Split(string(img.Error), "\n")...)
	if img.Error == "" {
		t.row("with", arrived(t.r.Loaded, img))
	}
	for _, n := range img.Notes {
		t.row("note", n)
	}
	t.line("")
}

// inRegistry reports whether an image was loaded into a registry. In a runtime or a file it
// only has a name, which may be that of the registry it came from.
func inRegistry(l *verify.Loaded, img *verify.LoadedImage) bool {
	host, _, _ := strings.Cut(l.Destination, "/")
	return strings.HasPrefix(img.Destination, host+"/")
}

// platforms names the platforms that an image was loaded for, and those that were left out;
// empty if it was loaded as a whole into a registry.
func platforms(img *verify.LoadedImage) string {
	s := strings.Join(img.Platforms, ", ")
	if len(img.LeftOut) > 0 {
		s += "; not loaded: " + strings.Join(img.LeftOut, ", ")
	}
	return s
}

// was says what the name stood for before, unless that was nothing.
func was(img *verify.LoadedImage) string {
	switch other, found := strings.CutPrefix(img.Before, "other "); {
	case img.Before == "same":
		return "(was there before)"
	case found && img.Error == "":
		return "(was " + other + ")"
	}
	return ""
}

// Place returns the repository and tag to which an image was loaded, or the repository
// and digest.
func Place(img *verify.LoadedImage) string {
	if img.Tag == "" {
		return img.Destination + "@" + img.Digest
	}
	return img.Destination + ":" + string(img.Tag)
}

// arrived counts what came along with an image.
func arrived(l *verify.Loaded, img *verify.LoadedImage) string {
	s := "no evidence"
	if img.Evidence > 0 {
		s = term.Count(img.Evidence, "piece of evidence", "pieces of evidence")
	}
	if n := blobs(l, img); n != "" {
		s += "; " + n
	}
	if img.ReadBack {
		s += "; all was read back"
	}
	return s
}

// blobs counts the blobs of an image by how they came to their destination; empty for none.
func blobs(l *verify.Loaded, img *verify.LoadedImage) string {
	var list []string
	b, how := img.Blobs, "written"
	if inRegistry(l, img) {
		how = "sent"
	}
	if b.Sent > 0 {
		list = append(list, fmt.Sprintf("%s %s (%s)", term.Count(b.Sent, "blob", "blobs"), how, term.Bytes(b.Bytes)))
	}
	if b.Mounted > 0 {
		list = append(list, fmt.Sprintf("%d mounted", b.Mounted))
	}
	if b.Present > 0 {
		list = append(list, fmt.Sprintf("%d there before", b.Present))
	}
	return strings.Join(list, ", ")
}

// Loading says in one line what was loaded; empty if nothing was to be.
func Loading(r *verify.Report) string {
	l := r.Loaded
	if l == nil {
		return ""
	}
	all, good := 0, 0
	for _, img := range l.Images {
		if img.Skipped == "" {
			all++
		}
		if img.Skipped == "" && img.Error == "" {
			good++
		}
	}
	prefix, skipped := "", ""
	if l.Unfinished == verify.LoadInterrupted {
		prefix = "interrupted; "
	}
	if n := len(l.Images) - all; n > 0 {
		skipped = fmt.Sprintf("; %d skipped", n)
	}
	switch {
	case len(l.Images) == 0:
		s := "loaded nothing into " + term.Shown(l.Destination) + ": no image there is new or changed"
		if n := len(l.Unreferenced); n > 0 {
			s += "; " + term.Count(n, "blob was", "blobs were") + " sent before the verdict"
		}
		return s
	case l.Unfinished == verify.LoadBegun:
		return "began to load " + term.Count(all, "image", "images") + " into " + term.Shown(l.Destination) + skipped
	case l.Complete:
		return "loaded " + term.Count(all, "image", "images") + " into " + term.Shown(l.Destination) + skipped
	}
	return prefix + fmt.Sprintf("loaded only %d of %d images into %s%s", good, all, term.Shown(l.Destination), skipped)
}

// loadedSection lists what was loaded where.
func loadedSection(r *verify.Report) section {
	s := section{ID: "loaded", Title: "Loaded"}
	l := r.Loaded
	if l == nil {
		return s
	}
	var f facts
	f.text("Destination", l.Destination)
	f.text("Result", Loading(r))
	s.Facts = f
	images := table{Columns: []string{
		"Image", "Loaded to", "Digest", "Platforms", "There before", "Evidence", "Blobs", "Read back", "Notes",
	}}
	for i := range l.Images {
		img := &l.Images[i]
		notes := slices.Concat([]string{string(img.Skipped)}, strings.Split(string(img.Error), "\n"), img.Notes)
		images.Rows = append(images.Rows, []value{
			plain(img.Reference), plain(Place(img)), code(img.Digest), plain(platforms(img)), plain(img.Before),
			plain(strconv.Itoa(img.Evidence)), plain(blobs(l, img)), readBack(img.ReadBack),
			plain(strings.TrimSpace(strings.Join(notes, " "))),
		})
	}
	left := table{Title: "Sent before the verdict, named by nothing", Fold: true,
		Columns: []string{"Repository", "Blob", "Size"}}
	for _, b := range l.Unreferenced {
		left.Rows = append(left.Rows, []value{plain(b.Repository), code(b.Digest), plain(size(b.Size))})
	}
	for _, t := range []table{images, left} {
		if len(t.Rows) > 0 {
			s.Tables = append(s.Tables, t)
		}
	}
	return s
}

func readBack(b bool) value {
	if b {
		return value{Text: "YES", Status: "pass"}
	}
	return value{Text: "NO", Status: "fail"}
}
