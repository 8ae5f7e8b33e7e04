package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/lock"
)

func declareLockOut(fs *pflag.FlagSet, path *string) {
	fs.StringVar(path, "lock-out", "", "write to `FILE` which images were exported, by name, digest and platforms; "+
		"verify --lock demands exactly these")
}

// checkLockOut refuses a lock that would be written over an input or the bundle, or
// in place of another file than an earlier lock.
func checkLockOut(path string, outputs, inputs []string) error {
	if path == "" {
		return nil
	}
	same := func(out string) bool { return samePath(path, out) }
	_, n := volume.Number(path)
	if path == "-" || n > 0 || volume.IsIndex(path) || volume.IsRecovery(path) || slices.ContainsFunc(outputs, same) {
		return usagef("--lock-out %s: a lock needs a file of its own, and no name of a bundle or volume", path)
	}
	if raw, err := readAtMost(path, lock.MaxSize); err == nil {
		if _, err := lock.Parse(raw); err != nil && len(raw) > 0 {
			return usagef("--lock-out %s: the file exists and is no lock; name another file, or remove it", path)
		}
	}
	if err := keepApart(path, inputs); err != nil {
		return err
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("--lock-out: %w", err)
	}
	return f.Abort()
}

// lockPlan pins the digests that export resolved, if it is to write them into a lock:
// verify will have that lock, and a rule may accept what the sender chose.
func lockPlan(path string, inv *bundle.Inventory, o *verify.Options) error {
	if path == "" {
		return nil
	}
	l, err := lock.New(inv)
	if err != nil {
		return fmt.Errorf("no lock can be written: %w", err)
	}
	if _, err := l.Marshal(); err != nil {
		return err
	}
	l.Path = path
	o.Lock = l
	return nil
}

// writeLock writes the lock of what was exported, and prints its SHA-256: that is
// what a person compares out of band when the lock arrives.
func writeLock(path string, inv *bundle.Inventory, w io.Writer) error {
	if path == "" {
		return nil
	}
	l, err := lock.New(inv)
	if err != nil {
		return fmt.Errorf("no lock was written: %w", err)
	}
	raw, err := l.Marshal()
	if err != nil {
		return err
	}
	if err := writeWhole(path, raw); err != nil {
		return fmt.Errorf("no lock was written: %w", err)
	}
	fmt.Fprintf(w, "lock %s\n  SHA-256 %s\n", term.Escape(path), l.Digest)
	return nil
}

// readLock reads the lock that a verification demands.
func readLock(path string, o *verify.Options) error {
	if path == "" {
		return nil
	}
	raw, err := readAtMost(path, lock.MaxSize)
	if err != nil {
		return fmt.Errorf("--lock: %w", err)
	}
	if o.Lock, err = lock.Parse(raw); err != nil {
		return usagef("--lock %s: %v", path, err)
	}
	o.Lock.Path = absolute(path)
	return nil
}
