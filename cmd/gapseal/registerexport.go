package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
)

// registerExport holds the flag of register export.
type registerExport struct{ output string }

func registerExportCommand(std stdio) *cobra.Command {
	r := &registerExport{}
	c := &cobra.Command{
		Use:   "export DIR -o FILE",
		Short: "write all entries into one file, for an auditor",
		Long: `Write all entries into one file, with a head. gapseal register check takes it in
place of the folder.`,
		Example:           "gapseal register export /var/lib/gapseal/register -o register.jsonl",
		Args:              takes(1, "one folder"),
		ValidArgsFunction: completeFolder,
		RunE:              runs(std, r.run),
	}
	c.Flags().StringVarP(&r.output, "output", "o", "", "write the entries to `FILE`, which must not exist")
	return c
}

// run writes the register into one file, which gets its name only when it is
// complete.
func (r *registerExport) run(ctx context.Context, args []string, std stdio) error {
	if r.output == "" {
		return usagef("say where to write the export: -o FILE")
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	if err := checkRecordOutput(r.output, args[0], ""); err != nil {
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
	name := term.Escape(r.output)
	term.Say(std.err, "%s in %s; check it anywhere:\n  gapseal register check %s",
		term.Count(int(h.Size), "entry", "entries"), name, name)
	return nil
}
