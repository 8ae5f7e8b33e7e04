package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify/report"
)

func trustCommand() *command {
	return &command{
		name: "trust", args: "show FILE [flags]", short: "show whom a Sigstore trusted root vouches for, and since when",
		long: `Show the logs and authorities of a Sigstore trusted root: their ids, when each
is valid, what this version leaves out, how old the newest entry is, and the
SHA-256 of the file, to be compared with one received by another road. Nothing
is fetched.`,
		examples: `
gapseal trust show trusted_root.json
gapseal trust show trusted_root.json --output json`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			output := fs.StringP("output", "o", "text", "`FORMAT`: text or json")
			return func(_ context.Context, args []string, std stdio) error { return trustShow(args, *output, std) }
		},
	}
}

// fetchHint tells who asks gapseal to fetch a root what does. A client of The
// Update Framework is more than belongs into a binary that verifies offline.
const fetchHint = "gapseal fetches no trusted root; on a connected host run\n  cosign initialize\n  cosign trusted-root create --with-default-services --out trusted_root.json"

func trustShow(args []string, output string, std stdio) error {
	switch {
	case len(args) > 0 && args[0] == "fetch":
		return usagef("%s", fetchHint)
	case len(args) != 2 || args[0] != "show":
		return usagef("trust takes show and one file; gapseal trust --help shows how")
	case output != "text" && output != "json":
		return usagef("--output %q: want text or json", output)
	}
	root, err := readRoot("", args[1])
	if err != nil {
		return err
	}
	s := showRoot(root, args[1])
	if output == "json" {
		return report.Encode(std.out, s)
	}
	return s.text(std.out)
}
