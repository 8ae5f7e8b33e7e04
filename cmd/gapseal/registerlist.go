package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

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

	about string // the file that the report is about
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
	if len(numbers) == 0 && !empty(args[0]) {
		return usagef("%s holds other files, and no entry: it is no register that gapseal verify --register writes", args[0])
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

// empty reports whether a folder holds nothing but hidden files, as a register
// without entries does.
func empty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(list, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
}

func listEntry(reg *register.Register, n int64) (*listed, error) {
	e, _, err := reg.Get(n)
	if fault := (*register.Fault)(nil); errors.As(err, &fault) {
		return &listed{Number: n, Problem: verify.Text(fault.Problem)}, nil
	}
	if err != nil {
		return nil, err
	}
	l := &listed{Number: n, Entry: e, about: about(e.Report)}
	e.Report = ""
	return l, nil
}
