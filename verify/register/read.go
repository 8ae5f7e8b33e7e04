package register

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// errNotRegular is a fault of the register, not of the operating system.
var errNotRegular = errors.New("is not a regular file")

// read returns the bytes of an entry's file. They may be one more than
// [MaxEntry], which [Parse] then refuses.
func (r *Register) read(number int64) ([]byte, error) {
	path := r.path(number)
	// A link, a device or a pipe is not what a writer leaves, and opening it
	// could hang.
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of the size that it should have, so that no buffer grows by copying.
	b := bytes.NewBuffer(make([]byte, 0, min(info.Size(), MaxEntry)+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, MaxEntry+1))
	return b.Bytes(), err
}

// Get returns one entry and the bytes of its file. The error matches
// [fs.ErrNotExist] if there is none of that number, is a [*Fault] if it is not
// as it was written, and else the operating system's. How it stands to its
// neighbours is not asked: that is what [Register.Check] does.
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

// parseNumbered reads the entry that stands at the place of number.
func parseNumbered(number int64, raw []byte) (*Entry, error) {
	e, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	if e.Number != number {
		return nil, fmt.Errorf("in its place stands entry %d, which was moved or copied there", e.Number)
	}
	if number == 1 && e.Previous != nothing {
		return nil, errors.New("is not the first entry of its register: it names one before it")
	}
	return e, nil
}

// Numbers lists the numbers of the entries, ascending, as their file names
// say. The error is the operating system's, or says that there are too many.
func (r *Register) Numbers() ([]int64, error) {
	l, err := r.list()
	if err != nil {
		return nil, err
	}
	return l.numbers, nil
}
