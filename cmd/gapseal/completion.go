package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

func completionCommand() *command {
	return &command{
		name: "completion", args: "bash|zsh|fish", short: "print a completion script for a shell",
		long: "Print a script that completes commands and flags in bash, zsh or fish.",
		examples: `
gapseal completion bash > /etc/bash_completion.d/gapseal
gapseal completion zsh > "${fpath[1]}/_gapseal"
gapseal completion fish > ~/.config/fish/completions/gapseal.fish`,
		setup: func(*pflag.FlagSet) func(context.Context, []string, stdio) error {
			return func(_ context.Context, args []string, std stdio) error {
				if len(args) != 1 || completions[args[0]] == nil {
					return usagef("completion takes one shell: bash, zsh or fish")
				}
				completions[args[0]](std.out)
				return nil
			}
		},
	}
}

var completions map[string]func(io.Writer)

func init() {
	completions = map[string]func(io.Writer){"bash": completeBash, "zsh": completeZsh, "fish": completeFish}
}

// choices are flags whose values are words of a closed list. Their shorthand
// is -o.
var choices = map[string]string{"verify --output": "text json cosign", "inspect --output": "text json", "trust --output": "text json"}

func completeBash(w io.Writer) {
	fmt.Fprint(w, "_gapseal() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n  if [ \"$COMP_CWORD\" = 1 ]; then\n")
	fmt.Fprintf(w, "    COMPREPLY=($(compgen -W '%s help' -- \"$cur\")); return\n  fi\n  case \"${COMP_WORDS[1]} $prev\" in\n", strings.Join(names(), " "))
	for _, c := range commands() {
		for flag, words := range choices {
			if name, f, _ := strings.Cut(flag, " "); name == c.name {
				fmt.Fprintf(w, "    '%s %s'|'%s -o') COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return;;\n", name, f, name, words)
			}
		}
	}
	fmt.Fprintf(w, "    'help '*) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return;;\n", strings.Join(names(), " "))
	fmt.Fprint(w, "    'trust trust') COMPREPLY=($(compgen -W 'show' -- \"$cur\")); return;;\n")
	fmt.Fprint(w, "    'register register') COMPREPLY=($(compgen -W 'list show check export head' -- \"$cur\")); return;;\n")
	fmt.Fprint(w, "    'policy policy') COMPREPLY=($(compgen -W 'check init' -- \"$cur\")); return;;\n")
	fmt.Fprint(w, "    'receipt receipt') COMPREPLY=($(compgen -W 'verify' -- \"$cur\")); return;;\n")
	fmt.Fprint(w, "    'completion '*) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return;;\n  esac\n  case \"${COMP_WORDS[1]}\" in\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "    %s) words='%s';;\n", c.name, strings.Join(flagNames(c), " "))
	}
	fmt.Fprint(w, "  esac\n  case \"$cur\" in\n    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"));;\n    *) COMPREPLY=($(compgen -f -- \"$cur\"));;\n  esac\n}\ncomplete -o filenames -F _gapseal gapseal\n")
}

func completeZsh(w io.Writer) {
	fmt.Fprint(w, "#compdef gapseal\n_gapseal() {\n  if (( CURRENT == 2 )); then\n    local -a cmds=(\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "      '%s:%s'\n", c.name, zshQuote(c.short))
	}
	fmt.Fprint(w, "    )\n    _describe command cmds\n    return\n  fi\n  local cmd=$words[2]\n  shift words; (( CURRENT-- ))\n  case $cmd in\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "    %s) _arguments", c.name)
		fs, _ := c.flags()
		fs.VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(w, " \\\n      '*--%s[%s]%s'", f.Name, zshQuote(usage), zshValue(c.name, f, value))
		})
		fmt.Fprint(w, " \\\n      '*:file:_files' ;;\n")
	}
	fmt.Fprint(w, "  esac\n}\n_gapseal \"$@\"\n")
}

func zshValue(cmd string, f *pflag.Flag, value string) string {
	if f.Value.Type() == "bool" {
		return ""
	}
	if words := choices[cmd+" --"+f.Name]; words != "" {
		return ":" + zshQuote(value) + ":(" + words + ")"
	}
	return ":" + zshQuote(value) + ":_files"
}

// zshQuote keeps a text from ending the quoted specification it stands in.
func zshQuote(s string) string {
	return strings.NewReplacer("'", "'\\''", "[", "(", "]", ")", ":", "\\:").Replace(s)
}

func completeFish(w io.Writer) {
	for _, c := range commands() {
		fmt.Fprintf(w, "complete -c gapseal -n __fish_use_subcommand -f -a %s -d '%s'\n", c.name, fishQuote(c.short))
		fs, _ := c.flags()
		fs.VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(w, "complete -c gapseal -n '__fish_seen_subcommand_from %s' -l %s", c.name, f.Name)
			if f.Shorthand != "" {
				fmt.Fprintf(w, " -s %s", f.Shorthand)
			}
			if words := choices[c.name+" --"+f.Name]; words != "" {
				fmt.Fprintf(w, " -x -a '%s'", words)
			} else if f.Value.Type() != "bool" {
				fmt.Fprint(w, " -r")
			}
			fmt.Fprintf(w, " -d '%s'\n", fishQuote(usage))
		})
	}
	fmt.Fprint(w, "complete -c gapseal -n '__fish_seen_subcommand_from trust' -f -a show\n")
	fmt.Fprint(w, "complete -c gapseal -n '__fish_seen_subcommand_from register' -a 'list show check export head'\n")
	fmt.Fprint(w, "complete -c gapseal -n '__fish_seen_subcommand_from receipt' -a verify\n")
	fmt.Fprint(w, "complete -c gapseal -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n")
}

func fishQuote(s string) string { return strings.ReplaceAll(s, "'", "\\'") }

func names() (all []string) {
	for _, c := range commands() {
		all = append(all, c.name)
	}
	return all
}

func flagNames(c *command) (all []string) {
	fs, _ := c.flags()
	fs.VisitAll(func(f *pflag.Flag) { all = append(all, "--"+f.Name) })
	return append(all, "--help")
}
