package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// listed is one entry in the JSON form of register list: the entry without its
// report, or what is wrong with it.
type listed struct {
	Number  int64           `json:"number"`
	Entry   *register.Entry `json:"entry"`
	Problem verify.Text     `json:"problem"`
}

func (r *registerRun) list(ctx context.Context, args []string, std stdio) error {
	asJSON, err := r.format()
	if err != nil {
		return err
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	numbers, err := reg.Numbers()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	for _, n := range numbers {
		l, err := listEntry(reg, n)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if asJSON {
			err = report.Encode(out, l)
		} else {
			writeListed(out, l)
		}
		if err != nil {
			return err
		}
	}
	if !asJSON {
		fmt.Fprintf(out, "%s. Whether they fit together: gapseal register check.\n", counted(len(numbers), "entry", "entries"))
	}
	return out.Flush()
}

func listEntry(reg *register.Register, n int64) (*listed, error) {
	e, _, err := reg.Get(n)
	if fault := (*register.Fault)(nil); errors.As(err, &fault) {
		return &listed{Number: n, Problem: verify.Text(fault.Problem)}, nil
	}
	if err != nil {
		return nil, err
	}
	e.Report = ""
	return &listed{Number: n, Entry: e}, nil
}

// listIndent is below the number of an entry.
const listIndent = 8

func writeListed(w io.Writer, l *listed) {
	if l.Entry == nil {
		fmt.Fprint(w, report.Fold(fmt.Sprintf("%6d  DAMAGED: %s", l.Number, report.Terminal(string(l.Problem))), listIndent))
		return
	}
	e := l.Entry
	identity := "(no identity)"
	if e.Identity != nil {
		identity = shortDigest(*e.Identity)
	}
	line := fmt.Sprintf("%6d  %s  %-8s  %s", e.Number, e.RecordedAt.Format(time.RFC3339), e.Verdict, report.Terminal(identity))
	if e.TransferID != nil {
		line += "  " + report.Terminal(*e.TransferID)
	}
	fmt.Fprint(w, report.Fold(line, listIndent))
	for _, img := range e.Images {
		for _, name := range img.References {
			fmt.Fprint(w, report.Fold(fmt.Sprintf("%*s%s", listIndent, "", report.Terminal(name)), listIndent))
		}
	}
}
