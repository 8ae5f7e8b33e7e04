// Package register keeps an append-only record of verifications in a folder,
// including those that rejected a bundle.
//
// [Open] returns the register in a folder and [Register.Append] adds an entry
// to it, made by [NewRecord] from the JSON report. [Register.Check] looks for
// entries that were changed, moved or removed. [Register.HighWater] and
// [Register.Builds] return the marks that a new bundle is compared
// with to find out whether it is older than one that was already verified; see
// [verify.Known] and [OnDemand].
//
// # Format
//
// Each entry is a file of its own, 000000000001.json and so on: one line of JSON
// with a final line break, in exactly one spelling. It holds the report as a
// string, byte for byte, the SHA-256 of the report, and the SHA-256 of the file
// of the previous entry. Its last member is the SHA-256 of the line without that
// member, so that a damaged entry is found without its neighbours.
//
// # What it proves
//
// The chain of hashes shows every entry that was edited, moved, copied, taken
// from another register, or removed from between two others. It does not show
// that entries were cut off at the end, or that everything from some entry on
// was rewritten, even if that is the last entry alone. For that, keep a [Head]
// in another place: it pins the register at its size.
//
// # Writing
//
// An entry gets its name when it is complete and on the disk, or not at all.
// Writers wait for each other with a lock. Readers need neither the lock nor
// permission to write.
package register

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The names in the folder of a register.
const (
	digits        = 12
	entrySuffix   = ".json"
	lockName      = ".lock"
	partialPrefix = ".writing-"
)

var (
	// ErrNoFolder reports that the path of a register is not a folder.
	ErrNoFolder = errors.New("is not a folder")

	errNotRegular = errors.New("is not a regular file") // a fault of the register, not of the operating system
)

// Fault is what is wrong with a register in one place. Number is that of the
// entry, of the first one if several are missing, and 0 if no single entry can
// be named.
type Fault struct {
	Number  int64  `json:"number"`
	Problem string `json:"problem"`
}

// Error names the entry and what is wrong with it.
func (f *Fault) Error() string {
	if f.Number == 0 {
		return "the register: " + f.Problem
	}
	return fmt.Sprintf("entry %d: %s", f.Number, f.Problem)
}

// DamagedError reports that a register is not as it was written. Nothing is
// read from such a register and nothing is added to it.
type DamagedError struct {
	Dir    string
	First  *Fault
	Faults int
}

// Error names the first fault and says how many more there are.
func (e *DamagedError) Error() string {
	more := ""
	if e.Faults > 1 {
		more = fmt.Sprintf(" (and %d more)", e.Faults-1)
	}
	return fmt.Sprintf("the register %s is damaged: %v%s", e.Dir, e.First, more)
}

// Register is a register in a folder. Its methods may be called concurrently,
// also by several processes.
type Register struct {
	dir   string
	marks marks
}

// Open returns the register in a folder. The folder must exist; an empty one is
// a register without entries. Open does not make the folder, since a mistyped
// name would then start a register that knows nothing of the past. The error
// matches [ErrNoFolder] or is the operating system's.
func Open(dir string) (*Register, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (the folder of a register is made by hand, once: mkdir %s)", err, dir)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("register %s: %w", dir, ErrNoFolder)
	}
	return &Register{dir: dir}, nil
}

// Begun reports whether a folder holds a file with the name of a first entry,
// and so is a register.
func Begun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, fileName(1)))
	return err == nil
}

// Get returns one entry and the bytes of its file. The error matches
// [fs.ErrNotExist] if there is no entry of that number, is a [*Fault] if the
// file is not as it was written, and otherwise the operating system's. Get does
// not compare an entry with its neighbours: [Register.Check] does.
func (r *Register) Get(number int64) (*Entry, []byte, error) {
	raw, err := r.read(number)
	if errors.Is(err, errNotRegular) {
		return nil, nil, &Fault{Number: number, Problem: err.Error()}
	}
	if err != nil {
		return nil, nil, err
	}
	e, err := parseNumbered(number, raw)
	if err != nil {
		return nil, raw, &Fault{Number: number, Problem: err.Error()}
	}
	return e, raw, nil
}

// Numbers returns the numbers of the entries in ascending order, by the names of
// their files. The error is the operating system's, or reports that there are
// more than [MaxEntries].
func (r *Register) Numbers() ([]int64, error) {
	l, err := r.list()
	if err != nil {
		return nil, err
	}
	return l.numbers, nil
}

// read returns the bytes of an entry's file. They may be one more than
// [MaxEntry], which [Parse] then refuses.
func (r *Register) read(number int64) ([]byte, error) {
	f, size, err := r.open(number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The expected size is allocated at once, so that the buffer need not grow.
	b := bytes.NewBuffer(make([]byte, 0, min(size, MaxEntry)+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, MaxEntry+1))
	return b.Bytes(), err
}

// open opens an entry's file and returns its size.
func (r *Register) open(number int64) (*os.File, int64, error) {
	path := r.path(number)
	// No writer leaves a link, a device or a pipe, and opening one could block.
	info, err := os.Lstat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errNotRegular
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

func (r *Register) path(number int64) string { return filepath.Join(r.dir, fileName(number)) }

// fileName returns the name of an entry's file in the folder.
func fileName(number int64) string {
	return fmt.Sprintf("%0*d%s", digits, number, entrySuffix)
}

// numberOf returns the number in the name of an entry's file, 0 for any other
// name.
func numberOf(name string) int64 {
	text, ok := strings.CutSuffix(name, entrySuffix)
	if !ok || len(text) != digits || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// listing is what a folder holds.
type listing struct {
	numbers []int64  // of the entries, ascending
	strays  []string // files that are no part of a register, at most maxFaults
	strayed int      // how many there are of them
	partial []string // files that interrupted writers left
}

func (l *listing) last() int64 {
	if len(l.numbers) == 0 {
		return 0
	}
	return l.numbers[len(l.numbers)-1]
}

// list reads the names in the folder.
func (r *Register) list() (*listing, error) {
	d, err := os.Open(r.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	l := &listing{}
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			l.add(name)
		}
		if len(l.numbers) > MaxEntries {
			return nil, fmt.Errorf("register %s: holds more than the budget of %d entries; "+
				"begin a new one in another folder", r.dir, MaxEntries)
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(l.numbers)
			slices.Sort(l.strays)
			return l, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (l *listing) add(name string) {
	if n := numberOf(name); n > 0 {
		l.numbers = append(l.numbers, n)
		return
	}
	switch {
	case name == lockName:
	case strings.HasPrefix(name, partialPrefix) && numberOf(name[len(partialPrefix):]) > 0:
		l.partial = append(l.partial, name)
	default:
		if l.strayed++; l.strayed <= maxFaults {
			l.strays = append(l.strays, name)
		}
	}
}
