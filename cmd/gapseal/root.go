package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Help lists commands in the order of use.
func init() { cobra.EnableCommandSorting = false }

// rootCommand returns the whole command line, on the given standard streams.
func rootCommand(std stdio) *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "gapseal COMMAND [flags]",
		Short: "carry signed container images across an air gap",
		Long: `gapseal carries signed container images across an air gap in one file, and
proves on the far side, with no network, that the file is exactly what was
signed, and nothing else.`,
		Example: `
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar
gapseal verify app.tar --key cosign.pub
gapseal load app.tar registry.plant --key cosign.pub`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return printVersion(std)
			}
			writeOverview(std.err, c)
			return usagef("no command given")
		},
		PersistentPreRunE:          beforeRun,
		SuggestionsMinimumDistance: suggestionDistance,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.PersistentFlags().Bool(allFlag, false, "with --help: show all flags")
	_ = root.PersistentFlags().MarkHidden(allFlag)
	root.AddCommand(
		exportCommand(std), verifyCommand(std), loadCommand(std), configCommand(std), inspectCommand(std),
		repairCommand(std), trustCommand(std), policyCommand(std), registerCommand(std), receiptCommand(std),
		versionCommand(std), completionCommand(std),
		exitCodesTopic(),
	)
	root.SetHelpCommand(helpCommand())
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		// What --help is about may follow it: gapseal --help verify.
		found, rest, err := c.Find(c.Flags().Args())
		if err == nil && found.HasSubCommands() {
			err = unknownCommand(found, rest)
		}
		c, std.out.failed = found, err
		if std.out.failed == nil {
			showHelp(c)
		}
	})
	root.SetFlagErrorFunc(flagError)
	finish(root)
	return root
}

// finish sets what all commands of a tree have in common.
func finish(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	c.Flags().SortFlags = false
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, repeatable := f.Value.(pflag.SliceValue); !repeatable {
			f.Value = &once{Value: f.Value}
		}
		completeByKind(c, f)
	})
	for _, sub := range c.Commands() {
		finish(sub)
	}
}

// once counts how often a single-valued flag is given: if the last of several values
// counted, a command line could say one thing and mean another. beforeRun refuses a
// count above one. Set cannot, since completion parses the flags more than once.
type once struct {
	pflag.Value
	given int
}

func (o *once) Set(s string) error {
	o.given++
	return o.Value.Set(s)
}

// beforeRun refuses flags that every command refuses. An empty value, such as that
// of an unset variable of a script, must not be taken for a demand that was not made.
func beforeRun(c *cobra.Command, _ []string) (err error) {
	if all, _ := c.Flags().GetBool(allFlag); all && c.Name() != "help" {
		return usagef("--%s goes with --help and shows all flags; leave it out", allFlag)
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		switch o, single := f.Value.(*once); {
		case !single:
		case o.given > 1:
			err = usagef("--%s is given more than once, and takes one value", f.Name)
		case o.String() == "":
			err = usagef("--%s has an empty value, as an unset variable has; give one, or leave out the flag", f.Name)
		}
	})
	return err
}

// flagError explains what is wrong with the flags of a command line.
func flagError(c *cobra.Command, err error) error {
	if c.HasSubCommands() {
		// A mistyped command is the cause, if there is one: its flags are not known.
		if err := unknownCommand(c, c.Flags().Args()); err != nil {
			return err
		}
	}
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) {
		return usagef("%v; %s lists the flags", err, helpCall(c))
	}
	name := unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		name, _, _ = strings.Cut(short, "=")
		if c.Flags().Lookup(name) != nil {
			return usagef("unknown flag -%s: did you mean --%s?", name, name)
		}
	} else if len(name) > 1 {
		err = fmt.Errorf("unknown flag --%s", name)
		if of := ownersOf(c, name); len(of) > 0 {
			return usagef("%v: it belongs to %s", err, strings.Join(of, " and "))
		}
		if near := similarFlags(c, name); len(near) > 0 {
			return usagef("%v: did you mean %s?", err, strings.Join(near, " or "))
		}
	}
	if c.HasSubCommands() {
		return usagef("%v; %s lists the commands, which have flags of their own", err, helpCall(c))
	}
	return usagef("%v; %s lists the flags", err, helpCall(c))
}

// ownersOf returns the commands beside c that have a flag.
func ownersOf(c *cobra.Command, flag string) (list []string) {
	if !c.HasParent() {
		return nil
	}
	for _, other := range c.Parent().Commands() {
		if other.Flags().Lookup(flag) != nil {
			list = append(list, spelled(other))
		}
	}
	return list
}

// maxSimilar is how many flags are suggested for a mistyped one.
const maxSimilar = 3

// similarFlags returns the flags of c that a mistyped one may mean. They are
// compared as cobra compares commands.
func similarFlags(c *cobra.Command, typed string) (list []string) {
	flags := &cobra.Command{SuggestionsMinimumDistance: suggestionDistance}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && !strings.HasPrefix(f.Name, "insecure-") { // a waiver is no correction of a typing mistake
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	for _, name := range suggestions(flags, typed) {
		list = append(list, "--"+name)
	}
	if len(list) > maxSimilar {
		return nil
	}
	return list
}
