package register

import (
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

// What stands in the folder of a register.
const (
	digits        = 12
	entrySuffix   = ".json"
	lockName      = ".lock"
	partialPrefix = ".writing-"
)

// ErrNoFolder says that the place of a register is no folder.
var ErrNoFolder = errors.New("is not a folder")

// Register is a register in a folder. Its methods may be called at the same
// time, also by several processes.
type Register struct {
	dir   string
	marks marks
}

// Open returns the register in a folder, which must exist; an empty one is a
// register without entries. It makes no folder, since a mistyped name would
// then begin a register that knows nothing of the past. The error matches
// [ErrNoFolder] or is the operating system's.
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

// Begun reports whether a folder has the name of a first entry in it: it is then
// a register, whatever it is called.
func Begun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, fileName(1)))
	return err == nil
}

// fileName is the name of an entry's file in the folder.
func fileName(number int64) string {
	return fmt.Sprintf("%0*d%s", digits, number, entrySuffix)
}

func (r *Register) path(number int64) string { return filepath.Join(r.dir, fileName(number)) }

// listing is what stands in the folder.
type listing struct {
	numbers []int64  // of the entries, ascending
	strays  []string // files that are no part of a register
	strayed int      // how many there are of them
	partial []string // what interrupted writers left
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
			return nil, fmt.Errorf("register %s: holds more than the budget of %d entries; begin a new one in another folder", r.dir, MaxEntries)
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

// numberOf returns the number in the name of an entry's file, 0 for any other.
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
