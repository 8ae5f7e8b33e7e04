package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/policy"
)

func policyCommand() *command {
	return &command{
		name: "policy", args: "check FILE | init BUNDLE", short: "explain a policy file in words, or draft one for a bundle",
		long: `A policy file says once what every bundle must meet: whose images, signed by
whom, when, with which attestations, how many, and what the transfer record must
hold. gapseal export and verify take it with --policy.

  check FILE    read the file strictly and say in words what it demands
  init BUNDLE   draft a policy from what a bundle says it holds; who may sign is
                left open, for nothing inside a bundle is an anchor`,
		examples: `
gapseal policy check imports.yaml
gapseal policy init app.tar -o imports.yaml
gapseal verify app.tar --policy imports.yaml`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			output := fs.StringP("output", "o", "", "init: write the draft to `FILE`, which must not exist (default: standard output)")
			return func(_ context.Context, args []string, std stdio) error { return policyRun(args, *output, std) }
		},
	}
}

func policyRun(args []string, output string, std stdio) error {
	switch {
	case len(args) == 2 && args[0] == "check" && output == "":
		return policyCheck(args[1], std)
	case len(args) == 2 && args[0] == "init":
		return policyInit(args[1], output, std)
	}
	return usagef("policy takes check and a policy file, or init and a bundle; gapseal policy --help shows how")
}

func policyCheck(path string, std stdio) error {
	p, err := readPolicy("", path)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := p.Explain(&text); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		fmt.Fprint(std.out, term.Fold(term.Escape(line), indent+2))
	}
	term.Row(std.out, "policy", p.Name)
	term.Row(std.out, "file", path, p.Digest)
	return nil
}

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
	r, err := src.open(oci.Limits{})
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
	term.Say(std.err, "a draft in %s; say in it who may sign, review each line, and remove the line draft", term.Escape(output))
	return nil
}
