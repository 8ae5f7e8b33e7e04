package register

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// ErrTooLarge says that a report exceeds what a register takes.
var ErrTooLarge = errors.New("too large for the register")

// Record is one verification to be recorded. Empty texts are recorded as
// absent.
type Record struct {
	RecordedAt  time.Time // cut to seconds
	Verdict     string    // verified or rejected, as the report says
	Identity    string    // of the bundle
	TransferID  string
	Images      []Image // as in the report, in its order
	Seal        *Seal
	ToolVersion string
	Report      []byte // the JSON report, kept byte for byte
}

// Append adds an entry and returns its number. It waits for other writers. When
// it returns without error the entry is on the disk; when the process or the
// machine dies before, the register is as it was, or the entry is there whole.
//
// The error is a [*DamagedError] if the last entry is not sound or others are
// missing, matches [ErrTooLarge] for a report over [MaxReport], [ErrBusy] if
// other writers take too long, ctx's error, or the operating system's.
func (r *Register) Append(ctx context.Context, rec Record) (int64, error) {
	if len(rec.Report) > MaxReport {
		return 0, fmt.Errorf("the report has %d bytes and is %w, which takes %d; without an entry there is no verdict", len(rec.Report), ErrTooLarge, MaxReport)
	}
	if !utf8.Valid(rec.Report) {
		return 0, errors.New("the report is not UTF-8")
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	l, err := r.list()
	if err != nil {
		return 0, err
	}
	previous, err := r.tip(l)
	if err != nil {
		return 0, err
	}
	e := rec.entry(l.last()+1, previous)
	if err := e.check(); err != nil {
		return 0, fmt.Errorf("what was to be recorded %w", err)
	}
	raw, err := encode(e)
	if err != nil {
		return 0, err
	}
	err = r.publish(l, e.Number, raw)
	r.marks.forget()
	return e.Number, err
}

// tip returns the SHA-256 of the last entry's file.
func (r *Register) tip(l *listing) (string, error) {
	last := l.last()
	switch {
	case last == 0 && l.strayed > 0:
		return "", fmt.Errorf("register %s: there is no entry and there are other files, such as %q; a register wants an empty folder of its own", r.dir, l.strays[0])
	case last == 0:
		return nothing, nil
	case int64(len(l.numbers)) != last:
		return "", &DamagedError{r.dir, &Fault{Problem: fmt.Sprintf("the last entry is %d, and there are %d: some were removed", last, len(l.numbers))}, 1}
	}
	_, raw, err := r.Get(last)
	if fault := (*Fault)(nil); errors.As(err, &fault) {
		return "", &DamagedError{r.dir, fault, 1}
	}
	return digestOf(raw), err
}

func (rec *Record) entry(number int64, previous string) *Entry {
	return &Entry{
		Schema: Schema, Number: number, Previous: previous, RecordedAt: rec.RecordedAt.UTC().Truncate(time.Second),
		Verdict: rec.Verdict, Identity: text(rec.Identity), TransferID: text(rec.TransferID),
		Images: rec.Images, Seal: rec.Seal, ToolVersion: rec.ToolVersion,
		ReportDigest: digestOf(rec.Report), Report: string(rec.Report),
	}
}

// text is nil for what is absent.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
