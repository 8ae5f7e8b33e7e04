package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// recordBegun adds an entry to the register before anything can be reached at the
// destination. It stays the only one if the process is killed, or if the register cannot be
// written any more.
func (l *loadRun) recordBegun(ctx context.Context, rep *verify.Report) error {
	if l.known == nil {
		return nil
	}
	doc, err := document(rep)
	if err != nil {
		return err
	}
	l.begunEntry, err = l.known.Append(ctx, register.RecordOf(rep, doc, l.own, clock()))
	return err
}

// document returns the JSON form of a report.
func document(rep *verify.Report) ([]byte, error) {
	var size counter // a buffer that grows would take up to three times as much
	if err := report.JSON(&size, rep); err != nil {
		return nil, err
	}
	var doc bytes.Buffer
	doc.Grow(int(size))
	err := report.JSON(&doc, rep)
	return doc.Bytes(), err
}

// recordWithin is how long the records of a load may take after an interrupt.
const recordWithin = 2 * time.Second

// unhurried returns a context for the records of a load, which ends a little after ctx: an
// interrupt does not undo what was loaded, so it is still recorded.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	recording, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(recordWithin):
			cancel()
		case <-recording.Done():
		}
	})
	return recording, func() {
		stop()
		cancel()
	}
}

// interruptedLoad adds to the error of an interrupt after the verdict what to do.
func interruptedLoad(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w\nThe bundle is verified, and the report says what was loaded.%s", err, again(err, "load"))
}

// unrecorded adds to an error of writing the reports what was loaded: the images are there
// all the same.
func (v *verifyRun) unrecorded(rep *verify.Report, err error) error {
	if rep.Loaded == nil || rep.Verdict != check.Verified {
		return err
	}
	begun := ""
	if v.begunEntry > 0 {
		begun = fmt.Sprintf(" Entry %d in the register says that loading began.", v.begunEntry)
	}
	return fmt.Errorf("%w\nThe bundle is verified; %s. Not all reports and records of that were written.%s "+
		"Run the same load again: it sends only what is missing.", err, report.Loading(rep), begun)
}
