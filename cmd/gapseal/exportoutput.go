package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/verify/report"
)

// outputs are the files that export may write over.
func (e *exportRun) outputs() []string {
	base := volume.Base(e.output)
	if e.output == "-" || !e.cut.wanted() {
		return []string{e.output}
	}
	list := []string{e.output, base.Index(), base.RecoveryIndex()}
	for n := 1; exists(base.Volume(n)); n++ {
		list = append(list, base.Volume(n))
	}
	for n := 1; exists(base.Recovery(n)); n++ {
		list = append(list, base.Recovery(n))
	}
	return list
}

// checkOutput refuses, before a registry is asked, what could not be written,
// what would be lost, and what would lie beside the bundle and be read with it or
// instead.
func (e *exportRun) checkOutput() error {
	if e.output == "-" {
		return nil
	}
	if _, n := volume.Number(e.output); n > 0 || volume.IsIndex(e.output) || volume.IsRecovery(e.output) {
		return usagef("-o %s: that is the name of a volume or of an index, and verify would take the file for one; name another, such as app.tar", e.output)
	}
	inputs := slices.Concat(e.inputs(), []string{e.caCert, e.sealing.key})
	for _, out := range e.outputs() {
		if err := keepApart(out, inputs); err != nil {
			return err
		}
	}
	base := volume.Base(e.output)
	first, beside := e.output, []string{base.Volume(1), base.Index()}
	if e.cut.each > 0 {
		first, beside = base.Volume(1), []string{e.output}
	}
	if e.cut.percent == 0 {
		beside = append(beside, base.Recovery(1), base.RecoveryIndex())
	}
	if err := stale(beside...); err != nil {
		return err
	}
	if err := replaceable(first); err != nil {
		return err
	}
	f, err := atomicfile.Create(first)
	if err != nil {
		return err
	}
	return f.Abort()
}

// replaceable refuses to replace what does not begin as a bundle does.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 && !beginsAsBundle(path) {
		return usagef("%s is there, and is no bundle, so export does not replace it; name another file, or remove it", path)
	}
	return nil
}

// beginsAsBundle tells by its first bytes whether a file may be a bundle.
func beginsAsBundle(path string) bool {
	const begin = "oci-layout\x00" // the name of the first entry
	raw, err := readAtMost(path, int64(len(begin)-1))
	return err == nil && string(raw) == begin
}

// tellWritten names what was written.
func (e *exportRun) tellWritten(w io.Writer, plan *bundle.Plan) {
	name := report.Terminal(e.output)
	base := volume.Base(name)
	if e.output == "-" {
		name = "standard output"
	}
	volumes, err := volume.Split(plan.Size, e.cut.each)
	cut := e.cut.each > 0 && err == nil
	if cut {
		name = fmt.Sprintf("%s, %s to %s", counted(len(volumes), "volume", "volumes"), base.Volume(1), base.Volume(len(volumes)))
	}
	fmt.Fprintf(w, "wrote %s: %s, %s\nidentity %s\n", name, counted(len(plan.Inventory.Images), "image", "images"), report.Bytes(plan.Size), plan.Identity())
	if cut {
		fmt.Fprintf(w, "index of volumes %s\n", base.Index())
	}
	if _, sizes, err := recovery.Layout(plan.Size, e.cut.percent, e.cut.each); e.cut.percent > 0 && err == nil {
		fmt.Fprintf(w, "%s, %s to %s, index %s\n", counted(len(sizes), "recovery volume", "recovery volumes"), base.Recovery(1), base.Recovery(len(sizes)), base.RecoveryIndex())
	}
	e.tellSeal(w)
}
