package report

import (
	"fmt"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

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
