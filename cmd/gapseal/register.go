package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
)

// registerRun holds the flags of register.
type registerRun struct {
	output, sign string
	heads, keys  []string
}

func registerCommand() *command {
	return &command{
		name: "register", args: "list|show|check|export|head DIR [flags]", short: "read and check the record of all verifications",
		long: `Read the register that gapseal verify --register DIR adds to: one file for each
verification, rejected ones too, each with its report and the SHA-256 of the one
before.

list shows a line for each entry, show DIR N the report of one. check finds any
entry that was edited, moved, copied or removed, and names it. That entries were
cut off at the end, or written anew from some entry on (be it the last alone),
can be seen only by comparing with a head that was kept: head --sign KEY -o FILE
writes one. Keep it where whoever can write to the register cannot, and pass it
to check --head FILE --key PUB. export writes all entries into one file for an
auditor, which check takes in place of DIR.`,
		examples: `
gapseal register list /var/lib/gapseal/register
gapseal register show /var/lib/gapseal/register 12
gapseal register head /var/lib/gapseal/register \
    --sign office.key -o office.head
gapseal register check /var/lib/gapseal/register --head office.head \
    --key office.pub
gapseal register export /var/lib/gapseal/register -o register.jsonl
gapseal register check register.jsonl --head office.head --key office.pub`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			r := &registerRun{}
			fs.StringVarP(&r.output, "output", "o", "", "list, show and check: `FORMAT`, text or json; export and head: the FILE to write")
			fs.StringVar(&r.sign, "sign", "", "head: sign it with this private key `FILE`, PEM or as cosign encrypts it")
			fs.StringArrayVar(&r.heads, "head", nil, "check: compare with the signed head in `FILE` (repeatable)")
			fs.StringArrayVar(&r.keys, "key", nil, "check: the public key `FILE` that heads are signed with (repeatable; any of them will do)")
			return r.run
		},
	}
}

// actions are what register does, by name.
func (r *registerRun) actions() map[string]func(ctx context.Context, args []string, std stdio) error {
	return map[string]func(context.Context, []string, stdio) error{
		"list": r.list, "show": r.show, "check": r.check, "export": r.export, "head": r.head,
	}
}

func (r *registerRun) run(ctx context.Context, args []string, std stdio) error {
	if len(args) == 0 || r.actions()[args[0]] == nil {
		return usagef("register wants one of list, show, check, export and head, and a folder; gapseal register --help shows how")
	}
	name, rest, want := args[0], args[1:], 1
	if name == "show" {
		want = 2
	}
	switch {
	case len(rest) != want && want == 2:
		return usagef("register show takes a folder and the number of an entry, found %s", term.Count(len(rest), "argument", "arguments"))
	case len(rest) != want:
		return usagef("register %s takes one folder, found %s", name, term.Count(len(rest), "argument", "arguments"))
	case name != "check" && len(r.heads)+len(r.keys) > 0:
		return usagef("--head and --key belong to register check")
	case name != "head" && r.sign != "":
		return usagef("--sign belongs to register head")
	}
	return r.actions()[name](ctx, rest, std)
}

// format reads --output of list, show and check.
func (r *registerRun) format() (json bool, err error) {
	switch r.output {
	case "", "text":
		return false, nil
	case "json":
		return true, nil
	}
	return false, usagef("--output %q: want text or json", r.output)
}

func openRegister(dir string) (*register.Register, error) {
	reg, err := register.Open(dir)
	if errors.Is(err, register.ErrNoFolder) {
		return nil, usagef("%v", err)
	}
	return reg, err
}

func entryNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("register show: %q is no number of an entry; gapseal register list shows them", s)
	}
	return n, nil
}
