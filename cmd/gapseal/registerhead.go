package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
)

// registerHead holds the flags of register head.
type registerHead struct{ sign, output string }

func registerHeadCommand(std stdio) *cobra.Command {
	r := &registerHead{}
	c := &cobra.Command{
		Use:   "head DIR [flags]",
		Short: "print or sign what pins the register as it is now",
		Long: `Print the number of entries and the digest that fixes them all, to be written
down, or sign both and write them to a file. Keep it where nothing that writes
to the register can change it.`,
		Example: `
gapseal register head /var/lib/gapseal/register
gapseal register head /var/lib/gapseal/register \
    --sign office.key -o office.head`,
		Args:              takes(1, "one folder"),
		ValidArgsFunction: completeFolder,
		RunE:              runs(std, r.run),
	}
	c.Flags().StringVar(&r.sign, "sign", "", "sign the head with this private key `FILE`, PEM or as cosign encrypts it")
	c.Flags().StringVarP(&r.output, "output", "o", "", "write the signed head to `FILE`, which must not exist")
	return c
}

func (r *registerHead) run(ctx context.Context, args []string, std stdio) error {
	if (r.sign == "") != (r.output == "") {
		return usagef("--sign KEY and -o FILE belong together; without both, register head prints what to write down")
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	if err := checkRecordOutput(r.output, args[0], r.sign); err != nil {
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

func (r *registerHead) writeHead(ctx context.Context, h register.Head, std stdio) error {
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
	term.Say(std.err, "head in %s, signed by\n  %s\nKeep it where nothing that writes to the register can change it.",
		term.Escape(r.output), signer.Public().Fingerprint())
	return nil
}
