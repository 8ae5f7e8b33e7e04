package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
)

// head pins the register as it is: on paper, or in a signed file.
func (r *registerRun) head(ctx context.Context, args []string, std stdio) error {
	if (r.sign == "") != (r.output == "") {
		return usagef("--sign KEY and -o FILE belong together; without both, register head prints what to write down")
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	if err := r.checkOutput(args[0]); err != nil {
		return err
	}
	h, err := reg.Head(ctx, clock())
	if err != nil {
		return err
	}
	if r.sign != "" {
		if err := r.writeHead(ctx, h, std); err != nil {
			return err
		}
	}
	fmt.Fprintf(std.out, "%s as of %s\n", term.Count(int(h.Size), "entry", "entries"), h.At.Format(time.RFC3339))
	term.Row(std.out, "root", h.Root)
	term.Row(std.out, "last", h.LastEntry)
	return nil
}

// checkOutput refuses to write over anything: a head or an export that is lost
// takes with it what it proves, and an entry even more.
func (r *registerRun) checkOutput(dir string) error {
	if r.output == "" {
		return nil
	}
	if err := outside(r.output, dir); err != nil {
		return err
	}
	if err := keepApart(r.output, []string{r.sign}); err != nil {
		return err
	}
	return anew(r.output, "an older head or export is a record, too")
}

func (r *registerRun) writeHead(ctx context.Context, h register.Head, std stdio) error {
	signer, err := loadSigner(ctx, "--sign", r.sign, std)
	if err != nil {
		return err
	}
	envelope, err := h.Sign(signer)
	if err != nil {
		return err
	}
	if err := writeWhole(r.output, envelope); err != nil {
		return err
	}
	term.Say(std.err, "head in %s, signed by\n  %s\nKeep it where nobody who writes to the register can.", term.Escape(r.output), signer.Public().Fingerprint())
	return nil
}

// export writes the register into one file, under its name only when whole.
func (r *registerRun) export(ctx context.Context, args []string, std stdio) error {
	if r.output == "" {
		return usagef("say where to write the export: -o FILE")
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	if err := r.checkOutput(args[0]); err != nil {
		return err
	}
	var h register.Head
	err = writeFile(r.output, func(f *atomicfile.File) (err error) {
		h, err = reg.Export(ctx, f, clock())
		return err
	})
	if err != nil {
		return err
	}
	term.Say(std.err, "%s in %s; check it anywhere:\n  gapseal register check %s", term.Count(int(h.Size), "entry", "entries"), term.Escape(r.output), term.Escape(r.output))
	return nil
}
