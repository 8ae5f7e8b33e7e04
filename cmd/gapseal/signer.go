package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	xterm "golang.org/x/term"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/dsse"
)

// passwordVariable names the environment variable with the password of an encrypted
// key, as for cosign.
const passwordVariable = "COSIGN_PASSWORD"

// loadSigner reads the private key that a flag names. The password of an encrypted
// key comes from the environment, or else from the terminal.
func loadSigner(ctx context.Context, flag, path string, std stdio) (*dsse.Signer, error) {
	raw, err := readAnchor(flag, path)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.LoadSigner(raw, func() ([]byte, error) { return password(ctx, path, std) })
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, usagef("%s %s: %v", flag, path, err)
	}
	return signer, err
}

func password(ctx context.Context, path string, std stdio) ([]byte, error) {
	if p, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(p), nil
	}
	if !term.IsTerminal(std.in) {
		return nil, fmt.Errorf("the key is encrypted; give its password in the environment variable %s, or run this "+
			"in a terminal", passwordVariable)
	}
	fmt.Fprintf(std.err, "Password of %s: ", term.Escape(path))
	defer fmt.Fprintln(std.err)
	return readPassword(ctx, std.in)
}

// readPassword reads a line without showing it. An interrupt restores the state of
// the terminal.
func readPassword(ctx context.Context, in *os.File) ([]byte, error) {
	fd := int(in.Fd())
	before, err := xterm.GetState(fd)
	if err != nil {
		return nil, err
	}
	type answer struct {
		line []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		line, err := xterm.ReadPassword(fd)
		done <- answer{line, err}
	}()
	select {
	case a := <-done:
		return a.line, a.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), xterm.Restore(fd, before))
	}
}
