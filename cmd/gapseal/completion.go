package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle/volume"
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

// subcommands are the first arguments of a command that are words of a list.
func subcommands() map[string]string {
	return map[string]string{
		"trust": "show", "register": "list show check export head", "policy": "check init", "receipt": "verify",
		"completion": "bash zsh fish", "help": strings.Join(names(), " "),
	}
}

// choices are flags whose values are words of a list, or begin with one that
// ends in =.
func choices() map[string]string {
	var media []string
	for _, m := range volume.Media() {
		media = append(media, m.Name)
	}
	limits := strings.ReplaceAll(limitNames(true)+", "+limitNames(false), ", ", "= ") + "="
	list := map[string]string{
		"verify --output": "text json cosign", "verify --report": strings.ReplaceAll(reportFormatNames(), ", ", "= ") + "=",
		"export --volume-size": strings.Join(media, " "), "receipt --limit": limits,
	}
	for _, name := range []string{"inspect", "trust", "register"} {
		list[name+" --output"] = "text json"
	}
	for _, name := range []string{"verify", "export"} {
		list[name+" --limit"], list[name+" --require-attestation"] = limits, strings.ReplaceAll(attestationTypes, ",", "")
	}
	return list
}

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

// bashHead finds the word at the cursor and the one before: bash may or may not
// cut --flag=value at its sign.
const bashHead = `_gapseal() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} before= words=
  case "$cur" in
    =) prev=$prev cur= ;;
    --*=*) prev=${cur%%%%=*} before=$prev= cur=${cur#*=} ;;
    *) [ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]} ;;
  esac
  case "$COMP_CWORD:${COMP_WORDS[1]} $prev" in
    1:*) words='%s help' ;;
`

// bashTail leaves what no word fits to the completion of file names.
const bashTail = `  esac
  COMPREPLY=($(compgen -P "$before" -W "$words" -- "$cur"))
  case "${COMPREPLY[0]}" in
    *=) compopt -o nospace 2>/dev/null ;;
  esac
}
complete -o default -F _gapseal gapseal
`

func completeBash(w io.Writer) {
	fmt.Fprintf(w, bashHead, strings.Join(names(), " "))
	for _, sub := range sorted(subcommands()) {
		fmt.Fprintf(w, "    '2:%s '*) words='%s' ;;\n", sub[0], sub[1])
	}
	for _, c := range sorted(choices()) {
		short := ""
		if cmd, ok := strings.CutSuffix(c[0], " --output"); ok {
			short = "|*:'" + cmd + " -o'"
		}
		fmt.Fprintf(w, "    *:'%s'%s) words='%s' ;;\n", c[0], short, c[1])
	}
	fmt.Fprint(w, "    *) case \"${COMP_WORDS[1]} $cur\" in\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "      '%s -'*) words='%s' ;;\n", c.name, strings.Join(flagNames(c), " "))
	}
	fmt.Fprint(w, "    esac ;;\n"+bashTail)
}

// sorted returns the keys of a map in order, each with its value.
func sorted(m map[string]string) (list [][2]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, [2]string{k, m[k]})
	}
	return list
}

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
