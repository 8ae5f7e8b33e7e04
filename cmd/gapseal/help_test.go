package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// testRoot is the command line as tests look at it.
func testRoot() *cobra.Command {
	return rootCommand(stdio{os.Stdin, &stdout{file: os.Stdout}, os.Stderr})
}

// everyCommand calls f for each command that can be run, those of groups too.
func everyCommand(t *testing.T, f func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				t.Run(strings.ReplaceAll(sub.CommandPath(), " ", "-"), func(t *testing.T) { f(t, sub) })
				visit(sub)
			}
		}
	}
	visit(testRoot())
}

// The exit codes that help lists are those that the code returns.
func TestHelpListsTheExitCodes(t *testing.T) {
	for _, code := range []int{exitVerified, exitRejected, exitNoVerdict, exitSystem, exitInterrupted} {
		if !strings.Contains(exitCodes, fmt.Sprintf("\n  %-4d ", code)) {
			t.Errorf("no %d in %s", code, exitCodes)
		}
	}
}

// screen is how many lines the help of a command may have without --all.
const screen = 48

func TestHelpFitsATerminal(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		for _, all := range []bool{false, true} {
			var b bytes.Buffer
			writeHelp(&b, c, all)
			for l := range strings.Lines(b.String()) {
				if n := len([]rune(strings.TrimSuffix(l, "\n"))); n > 80 {
					t.Errorf("%d columns: %s", n, l)
				}
			}
			if n := strings.Count(b.String(), "\n"); n > screen && !all {
				t.Errorf("%d lines, want at most %d:\n%s", n, screen, b.String())
			}
			for _, want := range []string{
				"Usage: " + c.CommandPath(), "Examples:\n  gapseal ", "gapseal help exit-codes",
			} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("want %q in %s", want, b.String())
				}
			}
		}
	})
}

// Help into a pipe that was closed, as by head, is no failure; another answer is one.
func TestHelpIntoAClosedPipe(t *testing.T) {
	for want, commands := range map[int][][]string{
		exitVerified: {{"help", "verify"}, {"verify", "--help", "--all"}, {"--help"}, {"help", "exit-codes"}},
		exitSystem:   {{"version"}, {"completion", "bash"}},
	} {
		for _, args := range commands {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			read.Close()
			std := stdio{os.Stdin, &stdout{file: write}, os.Stderr}
			if code := run(t.Context(), rootCommand(std), args, std); code != want {
				t.Errorf("%v: exit code %d, want %d", args, code, want)
			}
			write.Close()
		}
	}
}

// Where help has headings, each flag stands under one of them, and the common
// flags exist.
func TestHelpShowsEachFlagOnce(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		if c.Annotations[flagHeadings] == "" {
			return
		}
		shown := map[string]int{}
		for _, flags := range headings(c) {
			for _, f := range flags {
				shown[f.Name]++
			}
		}
		for _, f := range declaredFlags(c) {
			if shown[f.Name] != 1 {
				t.Errorf("--%s is shown %d times", f.Name, shown[f.Name])
			}
		}
		common := strings.Fields(c.Annotations[commonFlags])
		if got := matching(c, c.Annotations[commonFlags]); len(got) != len(common) {
			t.Errorf("%d common flags exist, of %v", len(got), common)
		}
	})
}

// Export and verify judge by the same flags.
func TestExportTakesEveryJudgingFlag(t *testing.T) {
	shared := &cobra.Command{}
	(&judging{}).declare(shared, "", "")
	root := testRoot()
	shared.Flags().VisitAll(func(f *pflag.Flag) {
		for _, name := range []string{"export", "verify"} {
			if c, _, err := root.Find([]string{name}); err != nil || c.Flags().Lookup(f.Name) == nil {
				t.Errorf("--%s is not a flag of %s", f.Name, name)
			}
		}
	})
}
