package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/report"
)

// interview asks for each field until its answer can be taken: for those that
// the policy requires or, without one, for all, of which an empty answer leaves
// one out. At the end it shows the record, to be kept.
func (t *transfer) interview(o *verify.Options, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	doc := map[string]any{"schema": policy.TransferSchema}
	required := o.Policy != nil && len(o.Policy.Transfer) > 0
	fmt.Fprintln(out, "The record of this transfer.", map[bool]string{true: "The policy requires each field.", false: "Enter leaves a field out."}[required])
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

// ask asks for one field until its answer can be taken, and returns the record
// with it.
func ask(lines *bufio.Scanner, out io.Writer, doc map[string]any, f verify.TransferField, required bool) (*verify.Transfer, error) {
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
		fmt.Fprintf(out, "  %s\n", report.Terminal(err.Error()))
	}
}

// hints say how to answer where the name of a field does not.
var hints = map[string]string{
	"direction": ", import or export", "handOvers": ", as FROM > TO; FROM > TO", "media.writeProtected": ", yes or no",
	"scan.source": ", clean, infected, failed or not-done", "scan.destination": ", clean, infected, failed or not-done",
}
