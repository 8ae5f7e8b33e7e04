package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/verify/register"
)

func registerCommand(std stdio) *cobra.Command {
	return group(&cobra.Command{
		Use:   "register list|show|check|export|head DIR [flags]",
		Short: "read and check the record of all verifications",
		Long: `Read the register that gapseal verify --register DIR adds to: one file for each
verification, rejected ones too, each with its report and the SHA-256 of the one
before.

A check finds any entry that was edited, moved, copied or removed, and names it.
Only a comparison with an earlier head can show that the last entries were cut
off, or that entries were written again from some entry on. head --sign KEY -o
FILE writes such a head: keep it where nothing that writes to the register can
change it, and pass it to check --head FILE --key PUB.`,
		Example: `
gapseal register list /var/lib/gapseal/register
gapseal register show /var/lib/gapseal/register 12
gapseal register head /var/lib/gapseal/register \
    --sign office.key -o office.head
gapseal register check /var/lib/gapseal/register --head office.head \
    --key office.pub
gapseal register export /var/lib/gapseal/register -o register.jsonl
gapseal register check register.jsonl --head office.head --key office.pub`,
	}, registerListCommand(std), registerShowCommand(std), registerCheckCommand(std), registerExportCommand(std),
		registerHeadCommand(std))
}

// openRegister opens the register in a folder.
func openRegister(dir string) (*register.Register, error) {
	reg, err := register.Open(dir)
	if errors.Is(err, register.ErrNoFolder) {
		return nil, usagef("%v", err)
	}
	return reg, err
}
