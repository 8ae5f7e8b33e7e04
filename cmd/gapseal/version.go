package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/pflag"
)

// release is set by the build; a build from a module has its version anyway.
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func versionCommand() *command {
	return &command{
		name: "version", short: "print the version",
		long:     "Print the version of gapseal, of Go, and of the platform it was built for.",
		examples: "gapseal version",
		setup: func(*pflag.FlagSet) func(context.Context, []string, stdio) error {
			return func(_ context.Context, _ []string, io stdio) error {
				_, err := fmt.Fprintf(io.out, "gapseal %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return err
			}
		},
	}
}
