package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

var manFolder = flag.String("man", "", "write the manual pages into this folder")

// TestManualPages writes a manual page for each command; make man keeps them. What
// writes them is a test, so that it is not linked into the program.
func TestManualPages(t *testing.T) {
	dir := *manFolder
	if dir == "" {
		dir = t.TempDir()
	}
	root := testRoot()
	commands := tree(root)
	for _, c := range commands {
		fitManual(c)
	}
	if err := doc.GenManTree(root, &doc.GenManHeader{Source: "gapseal", Manual: "gapseal"}, dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if c.IsAvailableCommand() && c.Name() != "help" {
			page := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
			layOutFlags(t, page)
			checkManual(t, c, page)
		}
	}
}

// fitManual adapts a command to manual pages: flags are shown with the name of their
// value, and the exit codes have a section.
func fitManual(c *cobra.Command) {
	c.DisableAutoGenTag = true
	c.Long += "\n\n# EXIT STATUS\n```\n" + strings.TrimPrefix(exitCodes, "Exit codes:\n") + "```\n"
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "bool" {
			f.DefValue, f.Usage = pflag.UnquoteUsage(f)
			f.Value = unquoted{f.Value}
		}
	})
}

// manualFlag matches a flag with what it does, as cobra puts both into one paragraph.
var manualFlag = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*?)(?:\[=false\])?\n\t`)

// layOutFlags puts what a flag does below the flag, and indents it.
func layOutFlags(t *testing.T, page string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, manualFlag.ReplaceAll(raw, []byte(".TP\n$1\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unquoted is a value that the page shows without quotes.
type unquoted struct{ pflag.Value }

func (unquoted) Type() string { return "name" }

func checkManual(t *testing.T, c *cobra.Command, page string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Error(err)
		return
	}
	text := strings.ReplaceAll(string(raw), `\-`, "-")
	for _, want := range []string{".SH NAME", ".SH SYNOPSIS", ".SH EXIT STATUS", ".SH EXAMPLE"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s has no %s", page, want)
		}
	}
	for _, f := range declaredFlags(c) {
		_, rest, _ := strings.Cut(text, `\fB--`+f.Name+`\fP`)
		if value, usage, _ := strings.Cut(rest, "\n"); !strings.HasPrefix(usage, f.Usage[:10]) ||
			strings.Contains(value, "[=") && f.Value.Type() == "bool" {
			t.Errorf("%s lacks --%s, or what it does on the line below", page, f.Name)
		}
	}
}
