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

// interview asks for each field until its answer can be taken; an empty one
// leaves it out.
func (t *transfer) interview(o *verify.Options, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	doc := map[string]any{"schema": policy.TransferSchema}
	fmt.Fprintln(out, "The record of this transfer. Enter leaves a field out.")
	for _, f := range (*verify.Transfer)(nil).Fields() {
		if o.Policy != nil && !slices.Contains(o.Policy.Transfer, f.Name) {
			continue
		}
		for {
			fmt.Fprintf(out, "%s (%s)%s: ", f.Label, f.Name, hints[f.Name])
			if !lines.Scan() {
				return errors.Join(errors.New("the questions were not answered"), lines.Err())
			}
			record, err := answered(doc, f.Name, strings.TrimSpace(lines.Text()))
			if err == nil {
				o.Transfer = record
				break
			}
			fmt.Fprintf(out, "  %s\n", report.Terminal(err.Error()))
		}
	}
	return nil
}

// hints say how to answer where the name of a field does not.
var hints = map[string]string{
	"direction": ", import or export", "handOvers": ", as FROM > TO; FROM > TO", "media.writeProtected": ", yes or no",
	"scan.source": ", clean, infected, failed or not-done", "scan.destination": ", clean, infected, failed or not-done",
}

// answered puts an answer into the record and reads it as a file would be read:
// JSON is YAML. An answer that cannot be taken is taken out again.
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
		said := (*policy.Error)(nil)
		if errors.As(err, &said) {
			return nil, errors.New(said.Message) // nobody sees the lines
		}
		return nil, err
	}
	return record, nil
}

// typed reads an answer where a field wants more than a text.
func typed(name, answer string) (any, error) {
	switch name {
	case "writeProtected":
		return yesOrNo(answer), nil
	case "handOvers":
		return custodians(answer)
	}
	return answer, nil
}

func yesOrNo(answer string) any {
	switch strings.ToLower(answer) {
	case "yes", "y", "true":
		return true
	case "no", "n", "false":
		return false
	}
	return answer
}

// custodians reads hand-overs such as "A. Ames > Courier 7; Courier 7 > D. Dunn".
func custodians(answer string) (list []map[string]string, err error) {
	for one := range strings.SplitSeq(answer, ";") {
		from, to, ok := strings.Cut(one, ">")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || from == "" || to == "" {
			return nil, fmt.Errorf("want who gave and who took, as FROM > TO, found %q", one)
		}
		list = append(list, map[string]string{"from": from, "to": to})
	}
	return list, nil
}
