package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// documents returns README.md, CHANGELOG.md and docs/*.md, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) < 5 {
		t.Fatalf("docs/*.md: found %d, %v", len(paths), err)
	}
	texts := map[string]string{}
	for _, p := range append(paths, "../../README.md", "../../CHANGELOG.md") {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(p)] = string(raw)
	}
	return texts
}

var (
	codeBlock   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	codeSpan    = regexp.MustCompile("`([^`\n]+)`")
	commandLine = regexp.MustCompile(`(?:^|\| )gapseal ([a-z]+[^|#]*)`)
	flagWord    = regexp.MustCompile(`(?:^|[\s\[])(--?[a-z][a-z-]*)`)
)

// codeOf returns the shell lines and the code spans of a document.
func codeOf(doc string) (lines, spans []string) {
	for _, m := range codeBlock.FindAllStringSubmatch(doc, -1) {
		if m[1] != "sh" {
			continue
		}
		for _, l := range strings.Split(strings.ReplaceAll(m[2], "\\\n", " "), "\n") {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(doc, ""), -1) {
		spans = append(spans, m[1])
	}
	return append(lines, spans...), spans
}

// TestDocumentedFlags checks that each flag of a gapseal command line in a
// document is a flag of that command, and that each flag that is code of its own is
// one of gapseal's.
func TestDocumentedFlags(t *testing.T) {
	found := 0
	for name, text := range documents(t) {
		lines, spans := codeOf(text)
		for _, l := range lines {
			for _, m := range commandLine.FindAllStringSubmatch(l, -1) {
				found += checkCommandLine(t, name, m[1])
			}
		}
		for _, s := range spans {
			m := flagWord.FindStringSubmatch(s)
			if m == nil || s[0] != '-' {
				continue
			}
			if found++; !someCommand(t, m[1]) && !foreign[m[1]] {
				t.Errorf("%s: no command of gapseal has the flag %s", name, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("found only %d flags in the documents", found)
	}
}

// checkCommandLine returns how many flags the command line has.
func checkCommandLine(t *testing.T, document, line string) int {
	t.Helper()
	c, rest, err := testRoot().Find(strings.Fields(line))
	if err != nil || !c.HasParent() {
		t.Errorf("%s: there is no command gapseal %s", document, line)
		return 0
	}
	flags := flagWord.FindAllStringSubmatch(strings.Join(rest, " "), -1)
	for _, f := range flags {
		if !slices.ContainsFunc(tree(c), func(c *cobra.Command) bool { return hasFlag(c, f[1]) }) {
			t.Errorf("%s: %s has no flag %s", document, c.CommandPath(), f[1])
		}
	}
	return len(flags)
}

// tree returns a command with all below it: a document may speak of several.
func tree(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		list = append(list, tree(sub)...)
	}
	return list
}

func hasFlag(c *cobra.Command, word string) bool {
	if word == "--help" || word == "-h" || word == "--all" {
		return true
	}
	if long, ok := strings.CutPrefix(word, "--"); ok {
		return c.Flags().Lookup(long) != nil
	}
	found := false
	c.Flags().VisitAll(func(f *pflag.Flag) { found = found || "-"+f.Shorthand == word })
	return found
}

func someCommand(t *testing.T, word string) bool {
	t.Helper()
	return slices.ContainsFunc(tree(testRoot()), func(c *cobra.Command) bool { return hasFlag(c, word) })
}

// foreign are flags of other programs that the documents name.
var foreign = map[string]bool{
	"--preserve-digests": true, "-b": true, "--format": true, "--all-platforms": true,
	"--with-default-services": true, "--new-bundle-format": true, "--mirror": true, "--root": true, "--type": true,
}
