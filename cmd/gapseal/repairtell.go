package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/verify/report"
)

// share says how much of a file of size bytes is lost.
func share(lost []recovery.Range, size int64) string {
	n := int64(0)
	for _, g := range lost {
		n += g.To - g.From
	}
	if n == 0 || size == 0 {
		return ""
	}
	return fmt.Sprintf(": %s of its %s (%d percent) to be rebuilt", report.Bytes(n), report.Bytes(size), max(1, int64(100*float64(n)/float64(size))))
}

// maxRanges is how many runs of damaged bytes are told of one file.
const maxRanges = 20

// tell says what is wrong with each file, and returns those to be rebuilt.
func (r *repairing) tell(w io.Writer) (bad []*recovery.File) {
	for _, note := range r.notes {
		fmt.Fprintln(w, report.Terminal(note))
	}
	for _, f := range r.set.Files {
		fault, lost := f.Fault(), r.lost(f)
		if fault == "" && len(lost) == 0 {
			continue
		}
		bad = append(bad, f)
		if fault == "" {
			fault = "is damaged"
		}
		fmt.Fprint(w, report.Fold(report.Terminal(filepath.Base(f.Name))+" "+fault+share(lost, f.Size), 2))
		if f.In == nil {
			continue
		}
		for i, g := range lost {
			if i == maxRanges {
				fmt.Fprintf(w, "  and %d more\n", len(lost)-i)
				break
			}
			fmt.Fprintf(w, "  bytes %d to %d\n", g.From, g.To-1)
		}
	}
	return bad
}
