package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

// openImages is how many images there may be for their parts to be open.
const openImages = 3

// imagesSection is a table of all images, followed by a part for each image with
// who signed it and when the signature was logged.
func imagesSection(r *verify.Report) section {
	s := section{
		ID:    "images",
		Title: "Images",
		Note:  "The digest names an image. The name is what was asked for at export; no signature covers a tag.",
	}
	if len(r.Images) == 0 {
		s.Facts = []fact{{"Images", []value{plain("none could be read")}}}
		return s
	}
	overview := table{
		Title:   "All images",
		Columns: []string{"No.", "Verdict", "Name", "Digest", "Signed by", "Time of signing"},
	}
	for i := range r.Images {
		img := &r.Images[i]
		by, when := signedBy(img)
		verdict, _ := imageVerdict(img, r)
		overview.Rows = append(overview.Rows, []value{
			imageLink(i), status(verdict), code(img.ClaimedReference), code(img.Digest), by, when,
		})
		p := imagePart(r, i)
		p.Open = len(r.Images) <= openImages
		s.Parts = append(s.Parts, p)
	}
	s.Tables = []table{overview}
	return s
}

func imageID(i int) string { return "image-" + strconv.Itoa(i+1) }

func imageLink(i int) value { return value{Text: strconv.Itoa(i + 1), Link: imageID(i)} }

// signedBy names who made the first signature that counts, and its trusted time.
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
		return plain("no signature counts"), value{}
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

func imagePart(r *verify.Report, i int) part {
	img := &r.Images[i]
	verdict, why := imageVerdict(img, r)
	var f facts
	f.add("Verdict", status(verdict), plain(why))
	f.code("Digest", img.Digest)
	f.add("Name", code(img.ClaimedReference), plain(boundBy(img, r)))
	f.text("Platforms", strings.Join(img.Platforms, ", "))
	for j := range img.Signatures {
		f.add(fmt.Sprintf("Signature %d", j+1), signatureValues(r, img, &img.Signatures[j])...)
	}
	if len(img.Signatures) == 0 {
		f.text("Signatures", "none")
	}
	for j := range img.Attestations {
		a := &img.Attestations[j]
		values := append([]value{code(string(a.PredicateType))}, signatureValues(r, img, &a.Signature)...)
		f.add(fmt.Sprintf("Attestation %d", j+1), values...)
	}
	return part{
		ID:    imageID(i),
		Title: fmt.Sprintf("Image %d: %s", i+1, term.Shown(img.ClaimedReference)),
		Line: fmt.Sprintf("%s, %s, %s", term.Shown(string(verdict)),
			term.Count(len(img.Signatures), "signature", "signatures"),
			term.Count(len(img.Attestations), "attestation", "attestations")),
		Facts: f,
	}
}

// signatureValues describes a signature: whether it counts, who made it, and when.
func signatureValues(r *verify.Report, img *verify.Image, s *verify.Signature) []value {
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
		list = append(list, code("by "+string(s.Identity)), code("vouched for by "+string(s.Issuer)),
			plain(given("certified by ", string(s.CA))))
	case s.Key != "":
		key := string(s.Key)
		list = append(list, code("by "+key), plain(given("a key: ", keyName(r, key))))
	default:
		list = append(list, plain("no anchor vouches for who made it"))
	}
	return append(list, timeValues(r, s)...)
}

// timeValues say where a signature was logged, and when it was made.
func timeValues(r *verify.Report, s *verify.Signature) (list []value) {
	if l := s.Log; l != nil {
		entry := fmt.Sprintf("entry %d (%s) of the log", l.LogIndex, l.Kind)
		if l.IntegratedTime != nil {
			entry = "logged " + moment(l.IntegratedTime) + ", " + entry
		}
		list = append(list, plain(entry), code(logName(r, l.LogID)))
	} else {
		list = append(list, plain("no entry of a trusted log"))
	}
	if s.TimeSource == "tsa" {
		list = append(list, plain("stamped "+moment(s.TrustedTime)+given(" by ", string(s.TSA))))
	}
	return list
}
