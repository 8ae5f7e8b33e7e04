// Command gapseal carries signed container images across an air gap in one
// file, and proves on the far side, with no network, that the file is exactly
// what was signed, and nothing else.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long an interrupted command may take to clean up. One that
// waits for a pipe or a dead disk would not notice the interrupt at all.
const patience = 3 * time.Second

func main() {
	// A broken pipe is then an error like others, and gets its exit code.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, commands(), os.Args[1:], stdio{os.Stdin, &output{file: os.Stdout}, os.Stderr})
	}()
	os.Exit(wait(ctx, stop, done))
}

// wait returns the exit code of the command. A second interrupt ends it at once.
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
