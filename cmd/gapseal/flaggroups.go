package main

import (
	"path"
	"strings"

	"github.com/spf13/pflag"
)

// flagGroup is flags that help shows under one heading: their names, or patterns
// of names, in this order. One that the command does not have is passed over.
type flagGroup struct{ heading, names string }

const (
	trusting  = "key certificate-* trusted-root rekor-key policy seal-key"
	demanding = "image annotations max-age not-before require-* strict"
	waiving   = "accept-reference insecure-ignore-tlog at allow-unverified"
)

// flagGroups are the headings of commands that have many flags.
var flagGroups = map[string][]flagGroup{
	"verify": {
		{"Who is trusted", trusting},
		{"What is demanded", demanding + " platform deep"},
		{"Waivers, each of which shows in every report", waiving},
		{"Reading the bundle", "volumes volume limit"},
		{"Reports", "output output-file report file-digest attestation-out"},
		{"Records", "register transfer ask sign-report receipt"},
	},
	"export": {
		{"What is written", "output seal seal-* volume-size recovery"},
		{"Who is trusted", trusting},
		{"What is demanded", demanding},
		{"Waivers, each of which shows in every report", waiving},
		{"What is fetched", "platform allow-*-registry registry-cacert signature-repository jobs limit"},
	},
}

// groups returns the flags of a command, by heading. Without headings of its own
// a command has one.
func (c *command) groups() (headings []string, flags [][]*pflag.Flag) {
	fs, _ := c.flags()
	if flagGroups[c.name] == nil {
		var all []*pflag.Flag
		fs.VisitAll(func(f *pflag.Flag) { all = append(all, f) })
		return []string{"Flags"}, [][]*pflag.Flag{all}
	}
	for _, g := range flagGroups[c.name] {
		headings, flags = append(headings, g.heading), append(flags, matching(fs, strings.Fields(g.names)))
	}
	return headings, flags
}

// matching returns the flags that patterns name, in the order of the patterns.
func matching(fs *pflag.FlagSet, patterns []string) (list []*pflag.Flag) {
	for _, p := range patterns {
		fs.VisitAll(func(f *pflag.Flag) {
			if ok, err := path.Match(p, f.Name); ok && err == nil {
				list = append(list, f)
			}
		})
	}
	return list
}
