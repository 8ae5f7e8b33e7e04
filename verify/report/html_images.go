package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

// openImages is how many images may stand open on the page.
const openImages = 3

// imagesSection is a table of all images, and each of them with who signed it
// and when that was logged.
func imagesSection(r *verify.Report) section {
	s := section{ID: "images", Title: "Images", Note: "The digest names an image. The name is what was asked for at export; no signature covers a tag."}
	if len(r.Images) == 0 {
		s.Facts = []fact{{"Images", []value{plain("none could be read")}}}
		return s
	}
	overview := table{Title: "All images", Columns: []string{"No.", "Verdict", "Name", "Digest", "Signed by", "Time of signing"}}
	words := &text{r: r}
	for i := range r.Images {
		img := &r.Images[i]
		by, when := signedBy(img)
		verdict, _ := imageVerdict(img, r)
		overview.Rows = append(overview.Rows, []value{imageLink(i), status(verdict), code(img.ClaimedReference), code(img.Digest), by, when})
		s.Parts = append(s.Parts, imagePart(words, i, len(r.Images) <= openImages))
	}
	s.Tables = []table{overview}
	return s
}

func imageID(i int) string { return "image-" + strconv.Itoa(i+1) }

func imageLink(i int) value { return value{Text: strconv.Itoa(i + 1), Link: imageID(i)} }

// signedBy tells who made the first signature that counts, and when.
func signedBy(img *verify.Image) (who, when value) {
	var first *verify.Signature
	more := -1
	for i := range img.Signatures {
		if s := &img.Signatures[i]; s.Counts {
			if more++; first == nil {
				first = s
			}
		}
	}
	if first == nil {
		return plain("nobody that counts"), value{}
	}
	name := string(first.Identity)
	if name == "" {
		name = "key " + term.Short(string(first.Key))
	}
	if more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	if first.TrustedTime == nil {
		return plain(name), plain("no trusted time")
	}
	return plain(name), at(first.TrustedTime)
}

func imagePart(words *text, i int, open bool) part {
	img := &words.r.Images[i]
	p := part{ID: imageID(i), Title: fmt.Sprintf("Image %d: %s", i+1, term.Shown(img.ClaimedReference)), Open: open}
	verdict, why := imageVerdict(img, words.r)
	p.Line = fmt.Sprintf("%s, %s, %s", term.Shown(string(verdict)), term.Count(len(img.Signatures), "signature", "signatures"), term.Count(len(img.Attestations), "attestation", "attestations"))
	var f facts
	f.add("Verdict", status(verdict), plain(why))
	f.code("Digest", img.Digest)
	f.add("Name", code(img.ClaimedReference), plain(words.bound(img)))
	f.text("Platforms", strings.Join(img.Platforms, ", "))
	for j := range img.Signatures {
		f.add(fmt.Sprintf("Signature %d", j+1), words.signatureValues(img, &img.Signatures[j])...)
	}
	if len(img.Signatures) == 0 {
		f.text("Signatures", "none")
	}
	for j := range img.Attestations {
		a := &img.Attestations[j]
		values := append([]value{code(string(a.PredicateType))}, words.signatureValues(img, &a.Signature)...)
		f.add(fmt.Sprintf("Attestation %d", j+1), values...)
	}
	p.Facts = f
	return p
}

// signatureValues tells all about a signature, a line each.
func (t *text) signatureValues(img *verify.Image, s *verify.Signature) []value {
	counts := value{Text: "COUNTS", Status: "pass"}
	if !s.Counts {
		counts = value{Text: "DOES NOT COUNT", Status: "skip"}
		if s.Good {
			counts.Text = "GOOD, OF A PLATFORM"
		}
	}
	list := []value{counts, code("in " + s.Digest), plain(string(s.Form))}
	if s.Subject != img.Digest {
		list = append(list, code("of "+s.Subject))
	}
	switch {
	case s.Identity != "":
		list = append(list, code("by "+string(s.Identity)), code("vouched for by "+string(s.Issuer)), plain(given("certified by ", string(s.CA))))
	case s.Key != "":
		list = append(list, code("by "+string(s.Key)), plain(given("a key: ", strings.Trim(t.keyName(string(s.Key)), "()"))))
	default:
		list = append(list, plain("by nobody that an anchor vouches for"))
	}
	return append(list, t.logValues(s)...)
}

// logValues tell where a signature was logged, and when it was made.
func (t *text) logValues(s *verify.Signature) (list []value) {
	if l := s.Log; l != nil {
		entry := fmt.Sprintf("entry %d (%s) of the log", l.LogIndex, l.Kind)
		if l.IntegratedTime != nil {
			entry = "logged " + moment(l.IntegratedTime) + ", " + entry
		}
		list = append(list, plain(entry), code(t.logName(l.LogID)))
	} else {
		list = append(list, plain("no entry of a trusted log"))
	}
	if s.TimeSource == "tsa" {
		list = append(list, plain("stamped "+moment(s.TrustedTime)+given(" by ", string(s.TSA))))
	}
	return list
}
