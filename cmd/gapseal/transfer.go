package main

import (
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

// transfer holds the flags by which the people who carry the media speak.
type transfer struct {
	file string
	ask  bool
}

func (t *transfer) declare(fs *pflag.FlagSet) {
	fs.StringVar(&t.file, "transfer", "", "put the transfer record in this YAML `FILE` into the report; a policy may require fields of it")
	fs.BoolVar(&t.ask, "ask", false, "ask for the transfer record on the terminal, field by field: those that the policy requires, or all")
}

// reachable makes sure, before anybody is asked for anything, that there is a
// bundle to ask about.
func (t *transfer) reachable(path string, dirs []string, std stdio) error {
	if !t.ask {
		return nil
	}
	src, err := openBundle(path, std, dirs...)
	if err != nil {
		return err
	}
	return src.Close()
}

// parse reads the record, or asks for it.
func (t *transfer) parse(o *verify.Options, std stdio) error {
	switch {
	case t.ask && t.file != "":
		return usagef("--ask and --transfer exclude each other: the record is asked for, or read")
	case t.ask && !isTerminal(std.in):
		return usagef("--ask needs a terminal; write the record to a file and pass it with --transfer")
	case t.ask:
		return t.interview(o, std.in, std.err)
	case t.file == "":
		return nil
	}
	raw, err := readAnchor("--transfer", t.file)
	if err != nil {
		return err
	}
	if o.Transfer, err = policy.ParseTransfer(raw); err != nil {
		return usagef("--transfer %s: %v", t.file, err)
	}
	return nil
}
