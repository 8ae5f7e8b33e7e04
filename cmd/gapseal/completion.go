package main

import (
	"context"
	"io"
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
