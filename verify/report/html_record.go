package report

import (
	"strconv"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

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
