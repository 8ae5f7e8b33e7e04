package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
)

// maxLeftOutRows is how much of what was left out is shown for one image.
const maxLeftOutRows = 20

// checkLeftOut shows what was left out, and refuses it if that was asked for.
func (e *exportRun) checkLeftOut(inv *bundle.Inventory, w io.Writer) error {
	found := false
	for _, img := range inv.Images {
		if len(img.LeftOut) == 0 {
			continue
		}
		found = true
		fmt.Fprintf(w, "%s\n", term.Escape(img.Reference))
		writeLeftOut(w, img, maxLeftOutRows)
	}
	if found && e.noLeftOut {
		return errors.New("evidence or a layer would be left out, which --no-left-out refuses\nNothing was written.")
	}
	return nil
}

// writeLeftOut writes a row for each of the first things that were left out.
func writeLeftOut(w io.Writer, img bundle.Image, most int) {
	for i, l := range img.LeftOut {
		if i == most {
			term.Row(w, "", fmt.Sprintf("and %d more", len(img.LeftOut)-i))
			return
		}
		what, about := l.Name(), ""
		if l.Tag != "" && l.Digest == "" {
			what = "tag " + strings.Replace(l.Tag, l.Subject.Hex()[12:], "…", 1)
		}
		if l.Type != "" && l.Type != oci.TypeIndex {
			about = l.Type
		}
		if l.Subject != img.Digest {
			about = strings.TrimSpace(about + " about " + term.Short(string(l.Subject)))
		}
		term.Row(w, "left out", what, about, l.Reason.Text())
	}
}
