package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// pinnedHead is a head that a pinned key signed.
type pinnedHead struct {
	Path string `json:"path"`
	Key  string `json:"key"`
	register.Head
}

// registerChecked is the JSON form of register check.
type registerChecked struct {
	Schema string       `json:"schema"`
	Path   string       `json:"path"`
	Whole  bool         `json:"whole"` // nothing was found to be wrong
	Pinned []pinnedHead `json:"pinned"`
	*register.Result
}

// registerCheck holds the flags of register check.
type registerCheck struct {
	format      textOrJSON
	heads, keys []string
}

func registerCheckCommand(std stdio) *cobra.Command {
	r := &registerCheck{}
	c := &cobra.Command{
		Use:   "check DIR|EXPORT [flags]",
		Short: "check that each entry is as it was written, in unbroken order",
		Long: `Check a register, or an export of one, and name each entry that was edited,
moved, copied or removed. Compare it with earlier heads as well, if there are
any: only they show what was cut off at the end or written again.`,
		Example: `
gapseal register check /var/lib/gapseal/register
gapseal register check /var/lib/gapseal/register --head office.head \
    --key office.pub
gapseal register check register.jsonl --head office.head --key office.pub`,
		Args:              takes(1, "one folder"),
		ValidArgsFunction: completeFile,
		RunE:              runs(std, r.run),
	}
	r.format.declare(c)
	c.Flags().StringArrayVar(&r.heads, "head", nil, "compare with the signed head in `FILE` (repeatable)")
	c.Flags().StringArrayVar(&r.keys, "key", nil,
		"public key `FILE` that heads are signed with (repeatable: any of them will do)")
	return c
}

func (r *registerCheck) run(ctx context.Context, args []string, std stdio) error {
	asJSON, err := r.format.json()
	if err != nil {
		return err
	}
	c := &registerChecked{Schema: "gapseal.register-check/v1", Path: args[0], Pinned: []pinnedHead{}}
	heads, err := r.readHeads(c)
	if err != nil {
		return err
	}
	if c.Result, err = checkRegister(ctx, args[0], heads); err != nil {
		return err
	}
	c.Whole = c.Result.Whole()
	if asJSON {
		err = report.Encode(std.out, c)
	} else {
		err = c.text(std.out)
	}
	if err == nil && !c.Whole {
		return reported{&register.Fault{Problem: "is damaged"}}
	}
	return err
}

// checkRegister checks a folder, or an export in a file.
func checkRegister(ctx context.Context, path string, heads []register.Head) (*register.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return register.CheckExport(ctx, f, heads...)
	}
	reg, err := openRegister(path)
	if err != nil {
		return nil, err
	}
	return reg.Check(ctx, heads...)
}

// readHeads reads the heads of --head with the keys of --key.
func (r *registerCheck) readHeads(c *registerChecked) (heads []register.Head, err error) {
	if (len(r.heads) > 0) != (len(r.keys) > 0) {
		return nil, usagef("--head and --key belong together: a head proves something only under a key that you trust")
	}
	keys, err := publicKeys("--key", r.keys)
	if err != nil {
		return nil, err
	}
	for _, path := range r.heads {
		raw, err := readAnchor("--head", path)
		if err != nil {
			return nil, err
		}
		h, by, err := register.OpenHead(raw, keys)
		if err != nil {
			problem := fmt.Sprintf("not checked, since the head %s does not count: %v", path, err)
			return nil, &register.Fault{Problem: problem}
		}
		heads = append(heads, h)
		c.Pinned = append(c.Pinned, pinnedHead{path, by.Fingerprint(), h})
	}
	return heads, nil
}

func (c *registerChecked) text(w io.Writer) error {
	b := bufio.NewWriter(w)
	for i := range c.Faults {
		b.WriteString(term.Fold("FAULT "+term.Escape(c.Faults[i].Error()), term.LabelWidth))
	}
	for _, s := range c.Strays {
		stray := "STRAY " + term.Escape(s) + ": does not belong to a register; move it elsewhere"
		b.WriteString(term.Fold(stray, term.LabelWidth))
	}
	if n := c.Faulty + c.Strayed - len(c.Faults) - len(c.Strays); n > 0 {
		fmt.Fprintf(b, "and %d more\n", n)
	}
	if !c.Whole {
		b.WriteString("\n")
	}
	c.outcome(b)
	return b.Flush()
}

func (c *registerChecked) outcome(b *bufio.Writer) {
	line := fmt.Sprintf("%s: %s", term.Escape(c.Path), term.Count(int(c.Entries), "entry", "entries"))
	if c.Whole {
		line = "WHOLE " + line + ", each as it was written, in unbroken order"
	} else {
		line = "DAMAGED " + line + ", and " + term.Count(c.Faulty+c.Strayed, "fault", "faults")
	}
	b.WriteString(term.Fold(line, term.LabelWidth))
	term.Row(b, "root", c.Root)
	term.Row(b, "last", c.LastEntry)
	for _, h := range c.Pinned {
		term.Row(b, "head", fmt.Sprintf("%s: %d entries, as of %s", h.Path, h.Size, h.At.Format(time.RFC3339)),
			"signed by "+h.Key)
	}
	if c.Partial > 0 {
		term.Row(b, "note", "an interrupted write left a file that the next one removes; nothing is missing")
	}
	term.Row(b, "unknown", c.unknown())
}

// unknown says what this check cannot find out.
func (c *registerChecked) unknown() string {
	var most int64
	for _, h := range c.Pinned {
		most = max(most, h.Size)
	}
	switch {
	case len(c.Pinned) == 0:
		return "whether entries are missing from the end, or the register was rewritten as a whole or from some " +
			"entry on: only a comparison with a head that was kept elsewhere shows that (--head FILE --key PUB)"
	case most < c.Entries:
		return fmt.Sprintf("whether entries after %d are missing from the end or were rewritten: no head pins them",
			most)
	}
	return "whether there were entries after the last head"
}
