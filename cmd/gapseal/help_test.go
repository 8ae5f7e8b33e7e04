package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The exit codes that help shows are those that the code returns.
func TestHelpListsTheExitCodes(t *testing.T) {
	for _, code := range []int{exitVerified, exitRejected, exitNoVerdict, exitSystem, exitInterrupted} {
		if !strings.Contains(exitCodes, fmt.Sprintf("\n  %-4d ", code)) {
			t.Errorf("no %d in %s", code, exitCodes)
		}
	}
}

func TestHelpFitsATerminal(t *testing.T) {
	for _, c := range commands() {
		var b bytes.Buffer
		c.writeHelp(&b)
		for l := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimSuffix(l, "\n"))); n > 80 {
				t.Errorf("%s: %d columns: %s", c.name, n, l)
			}
		}
		for _, want := range []string{"Usage: gapseal " + c.name, "Examples:\n  gapseal " + c.name, exitCodes} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: want %q in %s", c.name, want, b.String())
			}
		}
	}
}

// Where help has headings, each flag stands under one of them.
func TestHelpShowsEachFlagOnce(t *testing.T) {
	for _, c := range commands() {
		fs, _ := c.flags()
		shown := map[string]int{}
		_, groups := c.groups()
		for _, f := range slices.Concat(groups...) {
			shown[f.Name]++
		}
		fs.VisitAll(func(f *pflag.Flag) {
			if shown[f.Name] != 1 {
				t.Errorf("%s --%s is shown %d times", c.name, f.Name, shown[f.Name])
			}
		})
	}
}

// Export and verify judge by the same flags.
func TestExportTakesEveryJudgingFlag(t *testing.T) {
	export, _ := exportCommand().flags()
	shared := pflag.NewFlagSet("judging", pflag.ContinueOnError)
	(&judging{}).declare(shared, "", "")
	verifying, _ := verifyCommand().flags()
	shared.VisitAll(func(f *pflag.Flag) {
		if export.Lookup(f.Name) == nil || verifying.Lookup(f.Name) == nil {
			t.Errorf("--%s is not a flag of both", f.Name)
		}
	})
}
