package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gapseal/gapseal/verify/report"
)

// about names the file that a report is about or, of a pipe, what it said to be.
func about(doc string) string {
	var rep struct {
		Bundle struct {
			Path string `json:"path"`
		} `json:"bundle"`
		Images []struct {
			Reference string `json:"claimedReference"`
		} `json:"images"`
	}
	if err := json.Unmarshal([]byte(doc), &rep); err != nil {
		return ""
	}
	switch {
	case rep.Bundle.Path != "-":
		return rep.Bundle.Path
	case len(rep.Images) > 0:
		return "standard input, said to hold " + rep.Images[0].Reference
	}
	return "standard input"
}

// listIndent is below the number of an entry.
const listIndent = 8

func writeListed(w io.Writer, l *listed) {
	if l.Entry == nil {
		fmt.Fprint(w, report.Fold(fmt.Sprintf("%6d  DAMAGED: %s", l.Number, report.Terminal(string(l.Problem))), listIndent))
		return
	}
	e := l.Entry
	identity := "(no identity)"
	if e.Identity != nil {
		identity = shortDigest(*e.Identity)
	}
	line := fmt.Sprintf("%6d  %s  %-8s  %s", e.Number, e.RecordedAt.Format(time.RFC3339), e.Verdict, report.Terminal(identity))
	if e.TransferID != nil {
		line += "  " + report.Terminal(*e.TransferID)
	}
	fmt.Fprint(w, report.Fold(line, listIndent))
	named := false
	for _, img := range e.Images {
		named = named || len(img.References) > 0
		for _, name := range img.References {
			writeBelow(w, name)
		}
	}
	if !named && l.about != "" {
		writeBelow(w, l.about)
	}
}

func writeBelow(w io.Writer, s string) {
	fmt.Fprint(w, report.Fold(strings.Repeat(" ", listIndent)+report.Terminal(s), listIndent))
}
