package register

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/gapseal/gapseal/internal/atomicfile"
)

// ErrBusy says that other writers held the register for too long.
var ErrBusy = errors.New("is being written by another gapseal")

// How long a writer waits for others, which take milliseconds each, and how
// often it asks.
const (
	patience = 2 * time.Minute
	pause    = 5 * time.Millisecond
)

// lock keeps other writers out, of this process too. The system lets go of it
// with a killed process.
func (r *Register) lock(ctx context.Context) (unlock func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l := flock.New(filepath.Join(r.dir, lockName), flock.SetPermissions(0o666))
	_, err = l.TryLockContext(waiting, pause)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("register %s: %w; try again", r.dir, ErrBusy)
	case err != nil:
		err = fmt.Errorf("register %s: lock: %w", r.dir, err)
	}
	if err != nil {
		_ = l.Unlock() // it may have been had just as ctx ended
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// publish writes a file beside, flushes it to the disk, and gives it its name,
// which must not be there. Only the holder of the lock calls it, so whatever
// stands under the name of a file being written was left by a killed one.
func (r *Register) publish(l *listing, number int64, raw []byte) error {
	for _, name := range l.partial {
		_ = os.Remove(filepath.Join(r.dir, name)) // best effort: it harms nobody
	}
	final := r.path(number)
	partial := filepath.Join(r.dir, partialPrefix+fileName(number))
	err := writeFlushed(partial, raw)
	if err == nil {
		err = giveName(partial, final)
	}
	_ = os.Remove(partial) // gone already where it was renamed
	if err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(r.dir); err != nil {
		return fmt.Errorf("%s is complete, but a power failure could still undo its name: %w", final, err)
	}
	return nil
}

// writeFlushed makes a file that nobody writes to by accident.
func writeFlushed(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// giveName never replaces a file: a link fails where the name is taken. Where
// there are no links, as on a stick with FAT, the lock keeps others from taking
// it between question and renaming.
func giveName(partial, final string) error {
	err := os.Link(partial, final)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(final); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(&fs.PathError{Op: "create", Path: final, Err: fs.ErrExist}, err)
	}
	return os.Rename(partial, final)
}
