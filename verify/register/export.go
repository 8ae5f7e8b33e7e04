package register

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/verify/dsse"
)

// ExportSchema names the JSON form of the first line of an export.
const ExportSchema = "gapseal.register-export/v1"

// maxIndex is the budget for the first line of an export, in bytes.
const maxIndex = 4096

// Export writes the register as JSON lines: first an index in the form of a
// [Head], unsigned and with [ExportSchema]; then the file of each entry, byte for
// byte. The error is that of [Register.Head], or w's.
func (r *Register) Export(ctx context.Context, w io.Writer, at time.Time) (Head, error) {
	h, err := r.Head(ctx, at)
	if err != nil {
		return Head{}, err
	}
	h.Schema = ExportSchema
	index, err := dsse.Canonical(h)
	if err != nil {
		return Head{}, err
	}
	if _, err := w.Write(append(index, '\n')); err != nil {
		return Head{}, err
	}
	var t tree
	for n := int64(1); n <= h.Size; n++ {
		raw, err := r.read(n)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			_, err = w.Write(raw)
		}
		if err != nil {
			return Head{}, err
		}
		t.add(tlog.RecordHash(raw))
	}
	if rootText(t) != h.Root {
		return Head{}, fmt.Errorf("register %s: changed while it was read; check it and try again", r.dir)
	}
	return h, nil
}

// CheckExport is [Register.Check] for a file that [Register.Export] wrote. The
// error is that of in or ctx, or reports that this is not an export.
func CheckExport(ctx context.Context, in io.Reader, heads ...Head) (*Result, error) {
	lines := bufio.NewReaderSize(in, 64<<10)
	first, err := readLine(lines, maxIndex)
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(first)
	if err != nil {
		return nil, err
	}
	c := newChecker(heads, func(*Entry) error { return nil })
	for c.res.Entries <= MaxEntries {
		raw, err := readLine(lines, MaxEntry)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if len(raw) == 0 {
			res := c.end()
			res.compareIndex(index)
			return res, nil
		}
		if err := c.place(c.number(raw), raw); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the export holds more than the budget of %d entries", MaxEntries)
}

// number returns the number of the entry in a line. If lines before it are
// missing, that is the number it gives itself; a line that gives no usable number
// has that of its position.
func (c *checker) number(raw []byte) int64 {
	if e, err := Parse(raw); err == nil && e.Number > c.last && e.Number <= MaxEntries {
		return e.Number
	}
	return c.last + 1
}

func parseIndex(line []byte) (Head, error) {
	raw, ended := bytes.CutSuffix(line, []byte("\n"))
	h, err := parseHead(raw, ExportSchema)
	if err != nil || !ended {
		return Head{}, fmt.Errorf("this is not an export of a register: "+
			"its first line is not an index of schema %s", ExportSchema)
	}
	return h, nil
}

// compareIndex compares an export with its first line. The line is not signed: it
// shows an accident, not an attack.
func (r *Result) compareIndex(index Head) {
	if r.Entries != index.Size || r.Root != index.Root || r.LastEntry != index.LastEntry {
		r.fault(0, "the entries of the export are not those that its first line lists: "+
			"%d entries and the root %.80q there, %d and %q found", index.Size, index.Root, r.Entries, r.Root)
	}
}

// readLine returns a line with its line break, and nothing at the end of the
// input. A line over the budget is cut, but remains longer than the budget, so
// that the caller refuses it.
func readLine(r *bufio.Reader, budget int) ([]byte, error) {
	var line bytes.Buffer
	for {
		part, err := r.ReadSlice('\n')
		if line.Len() <= budget {
			line.Write(part)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return line.Bytes(), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
