package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
)

func inspectCommand() *command {
	return &command{
		name: "inspect", args: "FILE [flags]", short: "show what a bundle says it holds, without verifying it",
		long: `Show the images, platforms, sizes, evidence and keys that a bundle lists. Only
its metadata is read, and nothing is verified: whoever made the file decides
what stands here.`,
		examples: `
gapseal inspect app.tar
gapseal inspect app.volumes.json --volumes /media/dvd2
gapseal inspect app.tar --output json`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			output := fs.StringP("output", "o", "text", "`FORMAT`: text or json")
			volumes := fs.StringArray("volumes", nil, volumesUsage)
			return func(_ context.Context, args []string, std stdio) error { return inspect(args, *output, *volumes, std) }
		},
	}
}

// inspection is the JSON form of inspect.
type inspection struct {
	Schema    string            `json:"schema"`
	Verified  bool              `json:"verified"` // always false: inspect verifies nothing
	Path      string            `json:"path"`
	Identity  verify.Text       `json:"identity"`
	Sealed    bool              `json:"sealed"` // index.json lists a seal, whoever made it
	Inventory *bundle.Inventory `json:"inventory"`
	Faults    []string          `json:"faults"`

	content string   // blobs and bytes of the file, for people
	sizes   []string // of each image, for people
}

func inspect(args []string, output string, volumes []string, std stdio) error {
	if len(args) != 1 {
		return usagef("inspect takes one bundle, found %d; gapseal inspect --help shows how", len(args))
	}
	src, err := openBundle(args[0], std, volumes...)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := src.open(oci.DefaultLimits())
	if err != nil {
		return err
	}
	in := inspection{Schema: "gapseal.inspect/v1", Path: args[0], Identity: verify.Text(r.Identity()), Sealed: r.Sealed, Inventory: r.Inventory, Faults: []string{}}
	if r.Inventory != nil {
		in.measure(r, src.size)
	}
	for _, f := range r.Faults() {
		in.Faults = append(in.Faults, f.Error())
	}
	switch output {
	case "json":
		err = report.Encode(std.out, in)
	case "text":
		err = in.text(std.out)
	default:
		return usagef("--output %q: want text or json", output)
	}
	if err == nil && r.Inventory == nil {
		return told{&check.Fault{ID: check.LayoutInventory, Detail: "there is no readable inventory"}}
	}
	return err
}
