package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
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

// openRows is how many rows of a table may stand open on the page.
const openRows = 40

func evidenceSection(r *verify.Report) section {
	s := section{ID: "evidence", Title: "Evidence", Note: "What came with the images and speaks for them. Evidence is never trusted for being present; what was not judged proves nothing here."}
	t := table{Title: "All evidence", Columns: []string{"Image", "Kind", "Digest", "Speaks for", "Judged"}}
	for i := range r.Images {
		for _, ev := range r.Images[i].Evidence {
			about := code(ev.Subject)
			if ev.Subject == r.Images[i].Digest {
				about = plain("the image")
			}
			t.Rows = append(t.Rows, []value{imageLink(i), plain(ev.Kind), code(ev.Digest), about, plain(yes(ev.Judged))})
		}
	}
	if len(t.Rows) == 0 {
		s.Facts = []fact{{"Evidence", []value{plain("none could be read")}}}
		return s
	}
	t.Fold = len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}

// blobsSection lists every blob, with the numbers of the images it belongs to.
func blobsSection(r *verify.Report) section {
	s := section{ID: "blobs", Title: "Blobs", Note: "A blob lies in the bundle under blobs/sha256/ and the digits of its digest."}
	number := map[string]int{}
	for i := len(r.Images) - 1; i >= 0; i-- {
		number[r.Images[i].Digest] = i + 1
	}
	t := table{Columns: []string{"State", "Digest", "Bytes", "Media type", "Role", "Images"}}
	for i := range r.Blobs {
		b := &r.Blobs[i]
		var of []string
		for _, d := range b.Images {
			if n := number[d]; n > 0 {
				of = append(of, strconv.Itoa(n))
			}
		}
		t.Rows = append(t.Rows, []value{status(b.State), code(b.Digest), plain(strconv.FormatInt(b.Size, 10)), code(string(b.MediaType)), plain(strings.Join(b.Roles, ", ")), plain(strings.Join(of, ", "))})
	}
	if len(t.Rows) == 0 {
		return s
	}
	t.Title, t.Fold = fmt.Sprintf("All %s", term.Count(len(t.Rows), "blob", "blobs")), len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}

// checksSection has a table for each answer, what went wrong first. What passed
// is folded, and told once for all that it is about.
func checksSection(r *verify.Report) section {
	s := section{ID: "checks", Title: "Checks", Note: "Every question that was asked, in the order of cause."}
	for _, of := range []struct {
		status check.Status
		title  string
	}{{check.Fail, "Failed"}, {check.Warn, "Warnings"}, {check.Skip, "Skipped"}} {
		t := table{Columns: []string{"Answer", "Check", "Subject", "What was found out"}}
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Status == of.status {
				t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), code(string(c.Subject)), plain(foundOut(c))})
			}
		}
		if len(t.Rows) > 0 {
			t.Title, t.Fold = fmt.Sprintf("%s: %d", of.title, len(t.Rows)), len(t.Rows) > openRows
			s.Tables = append(s.Tables, t)
		}
	}
	if t := passed(r); len(t.Rows) > 0 {
		s.Tables = append(s.Tables, t)
	}
	return s
}

// checkID is the id of a check, which is from our own table and not long.
func checkID(c *verify.Check) value {
	return value{Text: term.Shown(string(c.ID)), Code: true, Whole: true}
}

// foundOut says in one line what a check found. The keys of trust.key have too
// many lines for a table.
func foundOut(c *verify.Check) string {
	s := c.Detail
	if len(valueLines(c, c.Expected)) == 1 {
		s += given("; expected ", string(c.Expected))
	}
	if len(valueLines(c, c.Found)) == 1 {
		s += given("; found ", string(c.Found))
	}
	return s
}

// passed is the table of what passed: a row for each answer, with the subjects
// in the short form of their digests, which the other tables have in full.
func passed(r *verify.Report) table {
	t := table{Fold: true, Columns: []string{"Answer", "Check", "What was found out", "Subjects"}}
	place, n := map[string]int{}, 0
	var subjects [][]string
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Pass {
			continue
		}
		n++
		key := string(c.ID) + "\x00" + c.Detail
		row, ok := place[key]
		if !ok {
			row = len(t.Rows)
			place[key], subjects = row, append(subjects, nil)
			t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), plain(c.Detail), {}})
		}
		if c.Subject != "" {
			subjects[row] = append(subjects[row], term.Short(subject(string(c.Subject))))
		}
	}
	for i, list := range subjects {
		if list == nil {
			list = []string{"the bundle"}
		}
		t.Rows[i][3] = code(strings.Join(list, " "))
	}
	t.Title = fmt.Sprintf("Passed: %d", n)
	return t
}

func bundleSection(r *verify.Report) section {
	var f facts
	f.text("File", bundleName(r))
	f.text("Size", size(r.Bundle.Size))
	f.code("Identity", string(r.Bundle.Identity))
	f.code("SHA-256 of the file", string(r.Bundle.FileDigest))
	f.text("Judged as of", judgedAt(r))
	f.text("Host's clock", moment(&r.Clock.Host))
	f.text("Read", fmt.Sprintf("%s in %s", size(r.Totals.Bytes), term.Count(r.Totals.Blobs, "blob", "blobs")))
	f.text("Judged", size(r.Totals.JudgedBytes))
	f.text("Carried, not judged", size(r.Totals.UnjudgedBytes))
	return section{ID: "bundle", Title: "Bundle", Note: "The identity is the SHA-256 of index.json, which fixes every byte of a verified bundle.", Facts: f}
}

// judgedAt tells the time of the verdict and what it rests on.
func judgedAt(r *verify.Report) string {
	from := "the host's clock"
	if r.Clock.Source != "" && r.Clock.Source != "host" {
		from = r.Clock.Source + ", a waiver"
	}
	return moment(&r.VerifiedAt) + ", by " + from
}

// anchorsSection lists what was trusted beforehand, and the keys of the bundle,
// which are not.
func anchorsSection(r *verify.Report) section {
	s := section{ID: "anchors", Title: "Anchors", Note: "What the operator trusted beforehand, brought by another road than the bundle."}
	t := table{Title: "Pinned", Columns: []string{"Kind", "Fingerprint", "Pinned by", "Name", "Newest entry"}}
	for i := range r.Anchors {
		a := &r.Anchors[i]
		t.Rows = append(t.Rows, []value{plain(anchorKind(a.Kind)), code(string(a.Fingerprint)), plain(pinnedBy(a)), plain(string(a.Name)), plain(rootAge(r, a))})
	}
	if len(t.Rows) == 0 {
		s.Facts = []fact{{"Anchors", []value{plain("none; nothing was trusted")}}}
	} else {
		s.Tables = append(s.Tables, t)
	}
	keys := table{Title: "Keys found in the bundle, untrusted for being there", Columns: []string{"Fingerprint", "Pinned"}}
	for _, k := range r.Keys {
		keys.Rows = append(keys.Rows, []value{code(k.Fingerprint), plain(yes(k.Pinned))})
	}
	if len(keys.Rows) > 0 {
		s.Tables = append(s.Tables, keys)
	}
	return s
}

func anchorKind(kind string) string {
	names := map[string]string{"key": "public key", "identity": "identity", "seal": "seal key", "log": "transparency log", "root": "trusted root", "ca": "certificate authority", "ctlog": "certificate log", "tsa": "timestamp authority"}
	if n := names[kind]; n != "" {
		return n
	}
	return kind
}

func pinnedBy(a *verify.Anchor) string {
	switch a.Source {
	case "file":
		return "the file " + string(a.Path)
	case "fingerprint":
		return "its fingerprint, typed by the operator"
	case "built-in":
		return "gapseal itself (built in)"
	case "flag":
		return "the operator's flags"
	case "policy":
		if a.Path != "" {
			return "the policy, by the file " + string(a.Path)
		}
		return "the policy"
	}
	return a.Source
}

// rootAge tells how old a trusted root is by its newest entry.
func rootAge(r *verify.Report, a *verify.Anchor) string {
	switch {
	case a.Newest != nil:
		return fmt.Sprintf("%s, %s before", a.Newest.UTC().Format(time.DateOnly), term.Count(int(r.VerifiedAt.Sub(*a.Newest).Hours()/24), "day", "days"))
	case a.Kind == "root":
		return "none that vouches for anything"
	}
	return ""
}

// runSection tells what verified, and how it was called.
func runSection(r *verify.Report) section {
	var f facts
	f.text("Program", r.Tool.Name+" "+r.Tool.Version, given("built with ", r.Tool.Go))
	f.code("SHA-256 of the program", string(r.Tool.Digest))
	f.code("Command", term.Command(r.Command))
	f.text("Waivers", r.Waivers...)
	f.text("Form of this report", given("", string(r.Schema)))
	return section{ID: "run", Title: "Verification", Facts: f}
}

// transferSection shows the transfer record, and what it leaves open.
func transferSection(r *verify.Report) section {
	s := section{ID: "transfer", Title: "Transfer record", Note: "As the people who carried the media wrote it down; no signature of the bundle covers it."}
	if r.Transfer == nil {
		return s
	}
	var f facts
	for _, field := range r.Transfer.Fields() {
		if field.Value == "" {
			field.Value = "not recorded"
		}
		f.text(field.Label, field.Value)
	}
	s.Facts = f
	return s
}

func policySection(r *verify.Report) section {
	s := section{ID: "policy", Title: "Policy"}
	if r.Policy == nil {
		return s
	}
	var f facts
	f.text("Name", string(r.Policy.Name))
	f.text("File", r.Policy.Path)
	f.code("SHA-256 of the file", r.Policy.Digest)
	s.Facts = f
	return s
}

func sealSection(r *verify.Report) section {
	s := section{ID: "seal", Title: "Seal", Note: "A pinned seal key signed this over the inventory: nothing was added, removed or exchanged since."}
	if r.Seal == nil {
		return s
	}
	if r.Verdict != check.Verified {
		s.Note = "A pinned seal key signed this over the inventory. The bundle is rejected: what it holds is not what was sealed, or not wanted."
	}
	var f facts
	f.code("Seal key", r.Seal.Key)
	f.text("Stream", r.Seal.Stream)
	f.text("Serial", strconv.FormatUint(r.Seal.Serial, 10))
	f.add("Exported", at(&r.Seal.ExportedAt))
	f.code("Inventory", r.Seal.Inventory)
	s.Facts = f
	return s
}
