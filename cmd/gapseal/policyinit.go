package main

import (
	"errors"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/policy"
	"github.com/gapseal/gapseal/verify/report"
)

func policyInit(path, output string, std stdio) error {
	if output != "" {
		if err := keepApart(output, nil); err != nil {
			return err
		}
		if err := anew(output, "a draft replaces no policy"); err != nil {
			return err
		}
	}
	src, err := openBundle(path, std)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := src.open(oci.DefaultLimits())
	if err != nil {
		return err
	}
	if r.Inventory == nil {
		if list := r.Faults(); len(list) > 0 {
			return list[0]
		}
		return errors.New("the bundle has no inventory")
	}
	draft := policy.Draft(r.Inventory)
	if output == "" {
		_, err := std.out.Write(draft)
		return err
	}
	if err := writeWhole(output, draft); err != nil {
		return err
	}
	say(std.err, "a draft in %s; say in it who may sign, review each line, and remove the line draft", report.Terminal(output))
	return nil
}
