package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

// transfer holds the flags for the record that the people who carry the media make.
type transfer struct {
	file string
	ask  bool
}

func (t *transfer) declare(fs *pflag.FlagSet) {
	fs.StringVar(&t.file, "transfer", "",
		"put the transfer record in this YAML `FILE` into the report; a policy may require fields of it")
	fs.BoolVar(&t.ask, "ask", false,
		"ask for the transfer record on the terminal, field by field: those that the policy requires, or all")
}

// reachable opens the bundle once before the user is asked about it, so that the
// answers are not lost if there is no such bundle.
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
		return usagef("--ask and --transfer exclude each other: one asks for the record, the other reads it")
	case t.ask && !term.IsTerminal(std.in):
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

// interview asks for each field that the policy requires. If it requires none, it
// asks for all, and an empty answer leaves a field out. At the end it shows the
// record, so that the user can keep it.
func (t *transfer) interview(o *verify.Options, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	doc := map[string]any{"schema": policy.TransferSchema}
	required := o.Policy != nil && len(o.Policy.Transfer) > 0
	hint := "Enter leaves a field out."
	if required {
		hint = "The policy requires each field."
	}
	fmt.Fprintln(out, "The record of this transfer.", hint)
	for _, f := range (*verify.Transfer)(nil).Fields() {
		if required && !slices.Contains(o.Policy.Transfer, f.Name) {
			continue
		}
		record, err := ask(lines, out, doc, f, required)
		if err != nil {
			return err
		}
		o.Transfer = record
	}
	kept, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "To give the same answers again, keep this in a file for --transfer:\n%s\n", kept)
	return err
}

// ask asks for one field until the answer is acceptable, and returns the record
// with it.
func ask(
	lines *bufio.Scanner, out io.Writer, doc map[string]any, f verify.TransferField, required bool,
) (*verify.Transfer, error) {
	for {
		fmt.Fprintf(out, "%s (%s)%s: ", f.Label, f.Name, hints[f.Name])
		if !lines.Scan() {
			return nil, errors.Join(errors.New("the questions were not answered"), lines.Err())
		}
		answer := strings.TrimSpace(lines.Text())
		err := errors.New("the policy requires an answer")
		if answer != "" || !required {
			var record *verify.Transfer
			if record, err = answered(doc, f.Name, answer); err == nil {
				return record, nil
			}
		}
		fmt.Fprintf(out, "  %s\n", term.Escape(err.Error()))
	}
}

// hints say how to answer, where the name of a field does not say it.
var hints = map[string]string{
	"direction":            ", import or export",
	"handOvers":            ", as FROM > TO; FROM > TO",
	"media.writeProtected": ", yes or no",
	"scan.source":          ", clean, infected, failed or not-done",
	"scan.destination":     ", clean, infected, failed or not-done",
}

// answered adds an answer to the record, and parses the record like a file, since
// JSON is YAML. If an answer is refused, it is removed again.
func answered(doc map[string]any, name, answer string) (*verify.Transfer, error) {
	group, field, nested := strings.Cut(name, ".")
	into := doc
	if nested {
		if doc[group] == nil {
			doc[group] = map[string]any{}
		}
		into, name = doc[group].(map[string]any), field
	}
	if answer != "" {
		value, err := typed(name, answer)
		if err != nil {
			return nil, err
		}
		into[name] = value
	}
	if nested && len(into) == 0 {
		delete(doc, group)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	record, err := policy.ParseTransfer(raw)
	if err != nil {
		delete(into, name)
		if refused := (*policy.Error)(nil); errors.As(err, &refused) {
			return nil, errors.New(refused.Message) // the number of its line means nothing to the user
		}
		return nil, err
	}
	return record, nil
}

// typed reads the answer for a field that is not a text.
func typed(name, answer string) (any, error) {
	switch name {
	case "writeProtected":
		return yesOrNo(answer)
	case "handOvers":
		return custodians(answer)
	}
	return answer, nil
}

func yesOrNo(answer string) (any, error) {
	switch strings.ToLower(answer) {
	case "yes", "y":
		return true, nil
	case "no", "n":
		return false, nil
	}
	return nil, fmt.Errorf("want yes or no, found %q", answer)
}

// custodians reads hand-overs such as "A. Ames > Courier 7; Courier 7 > D. Dunn".
func custodians(answer string) (list []map[string]string, err error) {
	for one := range strings.SplitSeq(answer, ";") {
		from, to, ok := strings.Cut(one, ">")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || from == "" || to == "" {
			return nil, fmt.Errorf("want who gave and who received, as FROM > TO, found %q", one)
		}
		list = append(list, map[string]string{"from": from, "to": to})
	}
	return list, nil
}
