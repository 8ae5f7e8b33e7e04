package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify"
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
			return func(_ context.Context, args []string, std stdio) error {
				if len(args) > 0 {
					return usagef("version takes no arguments, found %q", args[0])
				}
				_, err := fmt.Fprintf(std.out, "gapseal %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return err
			}
		},
	}
}

func toolVersion() verify.Tool {
	return verify.Tool{Name: "gapseal", Version: version(), Go: runtime.Version(), Digest: ownDigest()}
}

// ownDigest is the SHA-256 of the running program's file, empty where the system
// does not tell which that is.
var ownDigest = sync.OnceValue(func() verify.Text {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	d, err := hashFile(path)
	if err != nil {
		return ""
	}
	return d
})

// shownCommand is a command as a report shows it: URLs without credentials.
func shownCommand(args []string) []string {
	shown := make([]string, len(args))
	for i, a := range args {
		flag, value, ok := strings.Cut(a, "=")
		switch {
		case isURL(a) && strings.HasPrefix(a, "-") && ok:
			shown[i] = flag + "=" + hideUser(value)
		case isURL(a):
			shown[i] = hideUser(a)
		default:
			shown[i] = a
		}
	}
	return shown
}
