// Command gapseal carries signed container images across an air gap in one
// file, and proves on the far side, with no network, that the file is exactly
// what was signed, and nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
)

// softLimit is the use of memory in bytes from which on the garbage is collected more
// often. What is alive at a time stays well below, whatever a file holds.
const softLimit = 192 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
	// net/http logs what it finds odd in an answer, in the words of the server.
	log.SetOutput(io.Discard)
	// With the signal ignored, a broken pipe is an error with an exit code.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := make(chan int, 1)
	go func() {
		std := stdio{os.Stdin, &stdout{file: os.Stdout}, os.Stderr}
		done <- run(ctx, rootCommand(std), os.Args[1:], std)
	}()
	os.Exit(wait(ctx, stop, done))
}

// patience is how long an interrupted command may take to clean up. A command
// that waits for a pipe or a dead disk would not notice the interrupt at all.
const patience = 3 * time.Second

// wait returns the exit code of the command. A second interrupt ends the program
// at once.
func wait(ctx context.Context, stop func(), done <-chan int) int {
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	stop()
	select {
	case code := <-done:
		return code
	case <-time.After(patience):
		fmt.Fprintln(os.Stderr, "gapseal: interrupted")
		return exitInterrupted
	}
}

// run executes the command line and returns its exit code. A panic is a fault of
// gapseal and never a verdict.
func run(ctx context.Context, root *cobra.Command, args []string, std stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(std.err, "gapseal: internal fault: %s\n"+
				"This is no verdict. Keep the bundle and report it, with these lines:\n%s",
				term.Escape(fmt.Sprint(p)), debug.Stack())
			code = exitNoVerdict
		}
	}()
	root.SilenceErrors = true // conclude writes them
	root.SilenceUsage = true
	root.SetArgs(args)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		plainUsage(root) // shells show it as it is
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = std.out.failed
	}
	return conclude(std.err, err)
}
