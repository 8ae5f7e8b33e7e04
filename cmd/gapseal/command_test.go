package main

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A single-valued flag given twice is a usage error for every command, and a
// repeatable one is not.
func TestFlagsAreGivenOnce(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		for _, f := range declaredFlags(c) {
			value := cmp.Or(map[string]string{"bool": "true", "int": "7"}[f.Value.Type()], "x")
			arg := "--" + f.Name + "=" + value
			if err := c.ParseFlags([]string{arg, arg}); err != nil {
				t.Fatal(err)
			}
			err := beforeRun(c, nil)
			want := "--" + f.Name + " is given more than once, and takes one value"
			if _, repeatable := f.Value.(pflag.SliceValue); repeatable {
				want = "<nil>"
			}
			if got := fmt.Sprint(err); got != want {
				t.Errorf("%s %s: %s, want %s", arg, arg, got, want)
			}
			if o, single := f.Value.(*once); single {
				o.given = 0
			}
		}
	})
}

// Mistyped commands and flags are answered with those that may be meant.
func TestSuggestions(t *testing.T) {
	for typed, want := range map[string]string{
		"verfy":                                  "did you mean verify?",
		"verifiy":                                "did you mean verify?",
		"veriyf":                                 "did you mean verify?",
		"exprot":                                 "did you mean export?",
		"inspekt":                                "did you mean inspect?",
		"recipt":                                 "did you mean receipt?",
		"regster":                                "did you mean register?",
		"frobnicate":                             "want one of export, verify, load, config, inspect",
		"register chek":                          `unknown command "register chek": did you mean check?`,
		"register lst x -o j":                    `unknown command "register lst": did you mean list?`,
		"verify --polcy x":                       "unknown flag --polcy: did you mean --policy?",
		"verify --sealkey=x":                     "unknown flag --sealkey: did you mean --seal-key?",
		"verify --certificat":                    "unknown flag --certificat; gapseal verify --help --all lists",
		"inspect --platform=":                    "unknown flag --platform: it belongs to export and verify",
		"verify --frobnicate":                    "unknown flag --frobnicate; gapseal verify --help --all lists",
		"verify -key x":                          "unknown flag -key: did you mean --key?",
		"verify -key=x":                          "unknown flag -key: did you mean --key?",
		"-v":                                     "gapseal --help lists the commands, which have flags of their own",
		"verify -x":                              "unknown shorthand flag: 'x' in -x; gapseal verify --help --all",
		"trust show --ouput=":                    "unknown flag --ouput: did you mean --output?",
		"verify a.tar --all":                     "--all goes with --help and shows all flags; leave it out",
		"verify --" + strings.Repeat("x", 1<<20): "lists the flags",
	} {
		root := testRoot()
		root.SilenceErrors, root.SilenceUsage = true, true
		root.SetArgs(strings.Fields(typed))
		err := root.ExecuteContext(t.Context())
		if err == nil || exitCode(err) != exitNoVerdict || !strings.Contains(err.Error(), want) {
			t.Errorf("gapseal %.40s: %.200v, want %s", typed, err, want)
		}
	}
}

// An empty value is refused by every command that has the flag: it must not mean
// that a policy, an age or a register was not asked for.
func TestFlagsHaveValues(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		for _, f := range declaredFlags(c) {
			o, single := f.Value.(*once)
			if !single || f.Value.Type() != "string" {
				continue
			}
			if err := c.ParseFlags([]string{"--" + f.Name + "="}); err != nil {
				t.Fatal(err)
			}
			want := "--" + f.Name + " has an empty value"
			if err := beforeRun(c, nil); err == nil || exitCode(err) != exitNoVerdict || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.CommandPath(), err, want)
			}
			o.given = 0
			if err := c.Flags().Set(f.Name, "x"); err != nil {
				t.Fatal(err)
			}
			o.given = 0
		}
	})
}
