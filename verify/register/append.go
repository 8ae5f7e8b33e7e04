package register

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// ErrBusy reports that other writers held the register for too long.
var ErrBusy = errors.New("is being written by another gapseal")

// Record is one verification to be recorded. [NewRecord] makes one from a
// report. Empty texts are recorded as absent.
type Record struct {
	RecordedAt  time.Time // cut to seconds
	Verdict     check.Verdict
	Identity    string // of the bundle
	TransferID  string
	Images      []Image // as in the report, in its order
	Seal        *Seal
	ToolVersion string
	Report      []byte // the JSON report, kept byte for byte
}

// NewRecord returns the record of a JSON report, made at a time. The error is
// that of [report.Parse].
//
// Own are the names by which the operator asked for images; see
// [verify.Options.Named]. An image is recorded under those of them that it
// answers to, and under no name if there are none. The register keeps the latest
// trusted time of each such name, and a later verification that asks for the
// same name is compared with it.
func NewRecord(doc []byte, own []oci.Reference, at time.Time) (Record, error) {
	rep, err := report.Parse(doc)
	if err != nil {
		return Record{}, err
	}
	return RecordOf(rep, doc, own, at), nil
}

// RecordOf is [NewRecord] for a report whose JSON form is doc.
func RecordOf(rep *verify.Report, doc []byte, own []oci.Reference, at time.Time) Record {
	rec := Record{
		RecordedAt:  at,
		Verdict:     rep.Verdict,
		Identity:    string(rep.Bundle.Identity),
		ToolVersion: rep.Tool.Version,
		Report:      doc,
	}
	if t := rep.Transfer; t != nil {
		rec.TransferID = string(t.ID)
	}
	if s := rep.Seal; s != nil {
		rec.Seal = &Seal{KeyFingerprint: s.Key, Stream: s.Stream, Serial: s.Serial, InventoryDigest: s.Inventory}
	}
	for i := range rep.Images {
		img := &rep.Images[i]
		rec.Images = append(rec.Images, Image{ownNames(img, own), img.Digest, latestTime(img)})
	}
	return rec
}

// ownNames returns those of the operator's names that an image answers to, each
// once.
func ownNames(img *verify.Image, own []oci.Reference) []string {
	names := []string{}
	claimed, err := oci.ParseReference(img.ClaimedReference)
	if err != nil {
		return names
	}
	for _, want := range own {
		named := claimed.Repository == want.Repository && (want.Tag == "" || claimed.Tag == want.Tag)
		matches := named && (want.Digest == "" || string(want.Digest) == img.Digest)
		if matches && !slices.Contains(names, want.Name()) {
			names = append(names, want.Name())
		}
	}
	return names
}

// latestTime returns the latest trusted time of what vouches for an image.
func latestTime(img *verify.Image) (latest *time.Time) {
	for _, s := range img.Vouching() {
		if s.TrustedTime != nil && (latest == nil || s.TrustedTime.After(*latest)) {
			t := s.TrustedTime.UTC()
			latest = &t
		}
	}
	return latest
}

// Append adds an entry and returns its number. It waits for other writers. When
// it returns without an error, the entry is on the disk. If the process or the
// machine dies before, the register either is unchanged or holds the complete
// entry.
//
// The error is a [*DamagedError] if the last entry is damaged or others are
// missing, matches [check.ErrTooLarge] for a report over [MaxReport] and [ErrBusy] if
// other writers take too long, or is that of ctx or of the operating system.
func (r *Register) Append(ctx context.Context, rec Record) (int64, error) {
	if len(rec.Report) > MaxReport {
		err := check.TooLarge("the bytes of the report", len(rec.Report), MaxReport)
		return 0, fmt.Errorf("%w; without an entry in the register there is no verdict", err)
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
	if err := e.check(bytes.NewReader(rec.Report)); err != nil {
		return 0, fmt.Errorf("what was to be recorded %w", err)
	}
	err = r.publish(l, e.Number, func(w io.Writer) error { return spell(w, e, bytes.NewReader(rec.Report)) })
	r.marks.forget()
	return e.Number, err
}

// tip returns the SHA-256 of the last entry's file.
func (r *Register) tip(l *listing) (string, error) {
	last := l.last()
	switch {
	case last == 0 && l.strayed > 0:
		return "", fmt.Errorf("register %s: there is no entry and there are other files, such as %q; "+
			"a register needs an empty folder of its own", r.dir, l.strays[0])
	case last == 0:
		return nothing, nil
	case int64(len(l.numbers)) != last:
		problem := fmt.Sprintf("the last entry is %d, and there are %d: some were removed", last, len(l.numbers))
		return "", &DamagedError{r.dir, &Fault{Problem: problem}, 1}
	}
	if s, err := r.scanEntry(last); err == nil {
		return s.digest, nil
	}
	_, raw, err := r.Get(last) // which says what is wrong with it
	if fault := (*Fault)(nil); errors.As(err, &fault) {
		return "", &DamagedError{r.dir, fault, 1}
	}
	return digestOf(raw), err
}

// entry returns the entry without its report.
func (rec *Record) entry(number int64, previous string) *Entry {
	return &Entry{
		Schema:       Schema,
		Number:       number,
		Previous:     previous,
		RecordedAt:   rec.RecordedAt.UTC().Truncate(time.Second),
		Verdict:      rec.Verdict,
		Identity:     verify.Text(rec.Identity),
		TransferID:   verify.Text(rec.TransferID),
		Images:       rec.Images,
		Seal:         rec.Seal,
		ToolVersion:  rec.ToolVersion,
		ReportDigest: digestOf(rec.Report),
	}
}

// A writer waits for others, which take milliseconds each, for up to patience,
// and asks for the lock after each pause.
const (
	patience = 2 * time.Minute
	pause    = 5 * time.Millisecond
)

// lock keeps other writers out, also those of this process. The operating system
// releases the lock of a process that is killed. A lock that is a symbolic link is
// not followed: it would create a file elsewhere.
func (r *Register) lock(ctx context.Context) (unlock func(), err error) {
	path := filepath.Join(r.dir, lockName)
	if err := atomicfile.Check(path); errors.Is(err, atomicfile.ErrNotRegular) {
		return nil, fmt.Errorf("register %s: lock: %s is %w; remove it, and gapseal makes the file again", r.dir,
			lockName, atomicfile.ErrNotRegular)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l := flock.New(path, flock.SetPermissions(0o666), flock.SetFlag(os.O_CREATE|os.O_RDONLY|atomicfile.NoFollow))
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
		_ = l.Unlock() // it may have been acquired just as ctx ended
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// publish writes a file under a temporary name, flushes it to the disk, and
// gives it its final name, which must be free. Only the holder of the lock calls
// it, so any file that has a temporary name was left by a killed process.
func (r *Register) publish(l *listing, number int64, write func(io.Writer) error) error {
	for _, name := range l.partial {
		_ = os.Remove(filepath.Join(r.dir, name)) // best effort: it does no harm
	}
	final := r.path(number)
	partial := filepath.Join(r.dir, partialPrefix+fileName(number))
	err := writeFlushed(partial, write)
	if err == nil {
		err = giveName(partial, final)
	}
	_ = os.Remove(partial) // gone already if it was renamed
	if err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(r.dir); err != nil {
		return fmt.Errorf("%s is complete, but a power failure could still undo its name: %w", final, err)
	}
	return nil
}

// writeFlushed makes a read-only file, so that no accident changes it.
func writeFlushed(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(write(b), b.Flush())
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// giveName never replaces a file: a link fails if the name is taken. On a file system
// without links, such as FAT, it looks for the file and then renames; the lock keeps
// others from taking the name in between.
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
