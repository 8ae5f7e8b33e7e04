package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/verify"
)

// release is the version that the build sets. A build without it takes the version
// of the module.
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

func versionCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "print the version",
		Long:              "Print the version of gapseal, of Go, and of the platform it was built for.",
		Example:           "gapseal version",
		ValidArgsFunction: cobra.NoFileCompletions,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("version takes no arguments, found %q", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return printVersion(std) },
	}
}

func printVersion(std stdio) error {
	_, err := fmt.Fprintf(std.out, "gapseal %s (%s, %s/%s)\n",
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func toolVersion() verify.Tool {
	return verify.Tool{Name: "gapseal", Version: version(), Go: runtime.Version(), Digest: ownDigest()}
}

// ownDigest is the SHA-256 of the running program's file, or empty where the
// system does not say which file that is.
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

// shownCommand returns a command as a report shows it: URLs without credentials.
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
