package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

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
			return nil, fmt.Errorf("want who gave and who took, as FROM > TO, found %q", one)
		}
		list = append(list, map[string]string{"from": from, "to": to})
	}
	return list, nil
}
