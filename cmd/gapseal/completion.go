package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
)

func completionCommand(std stdio) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	c := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "print a completion script for a shell",
		Long: `Print a script that completes commands, flags and their values in bash, zsh or
fish.`,
		Example: `
gapseal completion bash > /etc/bash_completion.d/gapseal
gapseal completion zsh > "${fpath[1]}/_gapseal"
gapseal completion fish > ~/.config/fish/completions/gapseal.fish`,
		ValidArgs: shells,
	}
	c.Args = func(_ *cobra.Command, args []string) error {
		if cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)(c, args) != nil {
			return usagef("completion takes one shell: bash, zsh or fish")
		}
		return nil
	}
	c.RunE = runs(std, func(_ context.Context, args []string, std stdio) error {
		switch args[0] {
		case "zsh":
			return c.Root().GenZshCompletion(std.out)
		case "fish":
			return c.Root().GenFishCompletion(std.out, true)
		}
		if _, err := io.WriteString(std.out, bashWords); err != nil {
			return err
		}
		return c.Root().GenBashCompletionV2(std.out, true)
	})
	return c
}

// completion returns the words that complete an argument or the value of a flag.
type completion = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective)

// completes makes f the completion of a flag's value.
func completes(c *cobra.Command, flag string, f completion) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // c has no such flag
	}
}

// words completes one word of a list.
func words(list ...string) completion {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// assigned completes NAME=VALUE: NAME from names, and VALUE by the function value. If
// that is nil, VALUE is not completed.
func assigned(value func(typed string) []string, names ...string) completion {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var list []string
		name, typed, named := strings.Cut(typed, "=")
		switch {
		case !named:
			for _, n := range names {
				list = append(list, n+"=")
			}
		case value != nil:
			for _, v := range value(typed) {
				list = append(list, name+"="+v)
			}
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if !slices.ContainsFunc(list, finished) {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return list, directive
	}
}

// finished reports whether a completed word needs nothing typed after it.
func finished(word string) bool {
	return !strings.HasSuffix(word, "=") && !strings.HasSuffix(word, "/")
}

// filesLike returns the files whose names begin with what was typed, and folders with
// a slash. It leaves out names with control characters.
func filesLike(typed string) (list []string) {
	dir, begin := filepath.Split(typed)
	entries, _ := os.ReadDir(cmp.Or(dir, ".")) // without entries there is nothing to complete
	for _, e := range entries {
		name := e.Name()
		hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(begin, ".")
		if hidden || !strings.HasPrefix(name, begin) || term.Escape(name) != name {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		list = append(list, dir+name)
	}
	return list
}

// plainUsage removes from the usage of flags the back quotes around the name of
// their value, which only pflag knows to remove.
func plainUsage(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	for _, sub := range c.Commands() {
		plainUsage(sub)
	}
}

// completeByKind completes the value of a flag by the word for it in the help: FILE
// by files, DIR by folders, and any other word not at all.
func completeByKind(c *cobra.Command, f *pflag.Flag) {
	if _, done := c.GetFlagCompletionFunc(f.Name); done || f.Value.Type() == "bool" {
		return
	}
	switch kind, _ := pflag.UnquoteUsage(f); kind {
	case "FILE":
	case "DIR":
		_ = c.MarkFlagDirname(f.Name)
	default:
		completes(c, f.Name, cobra.NoFileCompletions)
	}
}

// completeFolder completes one folder and nothing after it.
func completeFolder(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeFile completes one file and nothing after it.
func completeFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// completeBundleAndDestination completes a file, and then the kinds of destinations that
// are not a registry.
func completeBundleAndDestination(
	_ *cobra.Command, args []string, _ string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return nil, cobra.ShellCompDirectiveDefault
	case 1:
		return []cobra.Completion{"containerd", "docker", "docker-archive:", "k3s", "kind:", "oci:", "oci-archive:",
				"podman"},
			cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeCommands completes the command that help is to explain.
func completeCommands(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	if found, _, err := c.Root().Find(args); err == nil {
		for _, sub := range found.Commands() {
			if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
				list = append(list, cobra.CompletionWithDesc(sub.Name(), sub.Short))
			}
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeImages completes a reference from those in the bundle that the command
// line names. It does not read a pipe, since the command could not read the same
// bytes again.
func completeImages(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	if len(args) > 0 {
		dirs, _ := c.Flags().GetStringArray("volumes")
		list = imagesIn(args[0], dirs)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// imagesIn returns the references that a bundle file or set of volumes names, none if
// it cannot be read. Malformed references are left out, since the bundle is not
// verified, and shells print what they complete.
func imagesIn(path string, dirs []string) (list []string) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	src, err := openBundle(path, stdio{in: os.Stdin}, dirs...)
	if err != nil {
		return nil
	}
	defer src.Close()
	r, err := src.open(oci.Limits{})
	if err != nil || r.Inventory == nil {
		return nil
	}
	for _, img := range r.Inventory.Images {
		if _, err := oci.ParseReference(img.Reference); err == nil {
			list = append(list, img.Reference)
		}
	}
	return list
}

// bashWords stands in for the two functions of the package bash-completion that
// cobra's script calls, on hosts that lack it. The first joins the words that bash
// has cut at = and :, where no blank is between them.
const bashWords = `# without the package bash-completion
if ! declare -F _get_comp_words_by_ref >/dev/null; then
  _get_comp_words_by_ref() {
    local i word rest line=$COMP_LINE before=
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
      word=${COMP_WORDS[i]}
      rest=${line#"${line%%[![:blank:]]*}"}
      if ((i > 0)) && [[ $rest == "$line" && ( $word == [=:]* || $before == *[=:] ) ]]; then
        words[${#words[@]}-1]+=$word
      else
        words+=("$word")
      fi
      line=${rest#"$word"} before=$word
      ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]} prev=${words[cword > 0 ? cword - 1 : 0]}
  }
  _filedir() {
    compopt -o filenames
    if [[ $1 == -d ]]; then
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
  }
fi
`
