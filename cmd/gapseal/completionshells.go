package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

func completeZsh(w io.Writer) {
	fmt.Fprint(w, "#compdef gapseal\n_gapseal() {\n  if (( CURRENT == 2 )); then\n    local -a cmds=(\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "      '%s:%s'\n", c.name, zshQuote(c.short))
	}
	fmt.Fprint(w, "    )\n    _describe command cmds\n    return\n  fi\n  local cmd=$words[2]\n  shift words; (( CURRENT-- ))\n  case $cmd in\n")
	subs, values := subcommands(), choices()
	for _, c := range commands() {
		fmt.Fprintf(w, "    %s) _arguments", c.name)
		fs, _ := c.flags()
		fs.VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(w, " \\\n      '*--%s[%s]%s'", f.Name, zshQuote(usage), zshValue(f, value, values[c.name+" --"+f.Name]))
		})
		if subs[c.name] != "" {
			fmt.Fprintf(w, " \\\n      '1:what to do:(%s)'", subs[c.name])
		}
		fmt.Fprint(w, " \\\n      '*:file:_files' ;;\n")
	}
	fmt.Fprintf(w, "    help) _arguments '1:command:(%s)' ;;\n  esac\n}\n_gapseal \"$@\"\n", subs["help"])
}

func zshValue(f *pflag.Flag, value, words string) string {
	switch {
	case f.Value.Type() == "bool":
		return ""
	case strings.HasSuffix(words, "="):
		return ":" + zshQuote(value) + `:{compadd -S "" -- ` + words + "}"
	case words != "":
		return ":" + zshQuote(value) + ":(" + words + ")"
	}
	return ":" + zshQuote(value) + ":_files"
}

// zshQuote keeps a text from ending the quoted specification it stands in.
func zshQuote(s string) string {
	return strings.NewReplacer("'", "'\\''", "[", "(", "]", ")", ":", "\\:").Replace(s)
}

func completeFish(w io.Writer) {
	values := choices()
	for _, c := range commands() {
		fmt.Fprintf(w, "complete -c gapseal -n __fish_use_subcommand -f -a %s -d '%s'\n", c.name, fishQuote(c.short))
		fs, _ := c.flags()
		fs.VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(w, "complete -c gapseal -n '__fish_seen_subcommand_from %s' -l %s", c.name, f.Name)
			if f.Shorthand != "" {
				fmt.Fprintf(w, " -s %s", f.Shorthand)
			}
			if words := values[c.name+" --"+f.Name]; words != "" {
				fmt.Fprintf(w, " -x -a '%s'", words)
			} else if f.Value.Type() != "bool" {
				fmt.Fprint(w, " -r")
			}
			fmt.Fprintf(w, " -d '%s'\n", fishQuote(usage))
		})
	}
	for _, sub := range sorted(subcommands()) {
		fmt.Fprintf(w, "complete -c gapseal -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from %s' -f -a '%s'\n", sub[0], sub[1], sub[1])
	}
}

func fishQuote(s string) string { return strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) }
