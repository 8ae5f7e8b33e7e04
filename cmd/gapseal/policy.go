package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

func policyCommand(std stdio) *cobra.Command {
	return group(&cobra.Command{
		Use:   "policy check|init FILE [flags]",
		Short: "explain a policy file in words, or draft one for a bundle",
		Long: `A policy file says once what every bundle must meet: whose images, signed by
whom, when, with which attestations, how many, and what the transfer record must
hold. gapseal export and verify take it with --policy.`,
		Example: `
gapseal policy check imports.yaml
gapseal policy init app.tar -o imports.yaml
gapseal verify app.tar --policy imports.yaml`,
	}, policyCheckCommand(std), policyInitCommand(std))
}

func policyCheckCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:               "check FILE",
		Short:             "explain in words what a policy file demands",
		Long:              "Read a policy file strictly and explain in words what it demands.",
		Example:           "gapseal policy check imports.yaml",
		Args:              takes(1, "one policy file"),
		ValidArgsFunction: completeFile,
		RunE: runs(std, func(_ context.Context, args []string, std stdio) error {
			return policyCheck(args[0], std)
		}),
	}
}

func policyInitCommand(std stdio) *cobra.Command {
	output := ""
	c := &cobra.Command{
		Use:   "init BUNDLE [flags]",
		Short: "draft a policy from what a bundle claims to hold",
		Long: `Draft a policy from what a bundle claims to hold. Who may sign is left open:
nothing inside a bundle is an anchor.`,
		Example: `
gapseal policy init app.tar
gapseal policy init app.tar -o imports.yaml`,
		Args:              takes(1, "one bundle"),
		ValidArgsFunction: completeFile,
		RunE: runs(std, func(_ context.Context, args []string, std stdio) error {
			return policyInit(args[0], output, std)
		}),
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write the draft to `FILE`, which must not exist "+
		"(default: standard output)")
	return c
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
	if p.JudgeUnlisted || slices.ContainsFunc(p.Rules, namesNoSigner) {
		term.Row(std.out, "to do", "this policy leaves signers open: pin them with --key or --certificate-identity")
	}
	return nil
}

func namesNoSigner(r verify.Rule) bool {
	return len(r.Keys)+len(r.Fingerprints)+len(r.Identities) == 0
}

func policyInit(path, output string, std stdio) error {
	if output != "" {
		if err := keepApart(output, nil); err != nil {
			return err
		}
		if err := refuseExisting(output, "a draft does not replace a policy"); err != nil {
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
	draft := policy.Draft(r.Metadata())
	if output == "" {
		_, err := std.out.Write(draft)
		return err
	}
	if err := writeWhole(output, draft); err != nil {
		return err
	}
	term.Say(std.err, "a draft in %s; add who may sign, review each line, and remove the line draft",
		term.Escape(output))
	return nil
}
