package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/register"
)

func repairCommand() *command {
	return &command{
		name: "repair", args: "FILE [flags]", short: "rebuild damaged or missing volumes from recovery volumes",
		long: `Find what is damaged or missing of a bundle that was exported with --recovery,
say which volumes, bytes and blocks, and rebuild them. FILE is the index of
volumes or any one of them.

What is rebuilt is written into a folder of its own, never over what is there,
and is held against the indexes before it gets its name. A repair says nothing
of trust: gapseal verify does, and takes both folders.`,
		examples: `
gapseal repair app.volumes.json
gapseal repair /media/dvd1/app.tar.001 --volumes /media/dvd2 -o repaired
gapseal verify app.volumes.json --volumes app.repaired --key cosign.pub`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			output := fs.StringP("output", "o", "", "write what is rebuilt into `DIR` (default: NAME.repaired beside FILE)")
			volumes := fs.StringArray("volumes", nil, volumesUsage)
			return func(ctx context.Context, args []string, std stdio) error {
				if len(args) != 1 {
					return usagef("repair takes the index of volumes or one of them, found %d names; gapseal repair --help shows how", len(args))
				}
				return repair(ctx, args[0], *output, *volumes, std)
			}
		},
	}
}

func repair(ctx context.Context, path, dir string, volumes []string, std stdio) error {
	if err := folders(volumes); err != nil {
		return err
	}
	r, err := findRepair(path, volumes)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.scan(ctx, std.err); err != nil {
		return err
	}
	bad := r.tell(std.out)
	if f := r.set.Beyond(); f != nil {
		return fmt.Errorf("%w\nNothing was written. %s.", f, remedy(f.ID))
	}
	if len(bad) == 0 && len(r.documents) == 0 {
		fmt.Fprintf(std.out, "nothing to repair: all %d files of %s are as the index of recovery blocks lists them\n", len(r.set.Files), term.Escape(filepath.Base(string(r.base))))
		return nil
	}
	if dir == "" {
		dir = strings.TrimSuffix(string(r.base), ".tar") + ".repaired"
	}
	if register.Begun(dir) {
		return inRegister(dir)
	}
	written, err := r.rebuild(ctx, bad, dir, std.err)
	if err != nil {
		return fmt.Errorf("%w\nThis run wrote nothing into %s.%s", err, dir, again(err, "repair"))
	}
	for _, name := range written {
		fmt.Fprintf(std.out, "rebuilt %s\n", term.Escape(name))
	}
	fmt.Fprint(std.out, term.Fold("Now verify the bundle with what is rebuilt: gapseal verify, with --volumes "+term.Escape(dir)+" and the key you trust.", 2))
	return nil
}

// scan reads everything and finds the damage.
func (r *repairing) scan(ctx context.Context, w *os.File) error {
	bar := term.New(w, "looking for damage", r.set.Span())
	err := r.set.Scan(ctx, bar.Add)
	bar.Done(false)
	if err != nil {
		return err
	}
	for _, o := range r.others {
		if o.of.Fault() == "" && len(r.set.Lost(o.of)) == 0 {
			continue
		}
		if err := r.set.Try(ctx, o.of, o.in, o.size); err != nil {
			return err
		}
	}
	return r.acquit(ctx)
}

// repairing is one repair.
type repairing struct {
	base      volume.Base
	dirs      volume.Folders
	volumes   *volume.Index // nil if there is none to go by
	set       *recovery.Set
	notes     []string
	documents map[string][]byte // indexes to be written anew, by name; nil for one that is still to be made
	open      []*os.File
	others    []other
	innocent  map[*recovery.File]bool // whole, although a cell that they share is lost
}

// other is a further copy of a file, from another folder.
type other struct {
	of   *recovery.File
	in   *os.File
	size int64
}

// findRepair finds the files of a set and the indexes to go by.
func findRepair(path string, dirs []string) (*repairing, error) {
	r := &repairing{documents: map[string][]byte{}, innocent: map[*recovery.File]bool{}}
	r.base, r.dirs = volume.Search(path, dirs)
	if err := r.readVolumes(); err != nil {
		return nil, err
	}
	err := r.readRecovery()
	if err == nil {
		err = r.attach()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *repairing) openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	r.open = append(r.open, f)
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// attach opens every file of the set that is there.
func (r *repairing) attach() error {
	for _, f := range r.set.Files {
		for _, p := range r.dirs.Paths(f.Name) {
			file, size, err := r.openFile(p)
			if err != nil {
				return err
			}
			if f.In != nil {
				r.others = append(r.others, other{f, file, size})
				continue
			}
			f.In, f.Found = file, size
		}
	}
	return nil
}

// acquit finds volumes that are whole although a cell is lost that they share
// with a neighbour.
func (r *repairing) acquit(ctx context.Context) error {
	if r.volumes == nil {
		return nil
	}
	for i, f := range r.set.Data() {
		if f.Fault() != "" || len(r.set.Lost(f)) == 0 {
			continue
		}
		d, err := volume.Hash(ctx, f.In, f.Size, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.innocent[f] = err == nil && d == r.volumes.Volumes[i].Digest
	}
	return nil
}

func (r *repairing) lost(f *recovery.File) []recovery.Range {
	if r.innocent[f] {
		return nil
	}
	return r.set.Lost(f)
}

func (r *repairing) close() {
	for _, f := range r.open {
		f.Close()
	}
}

// readVolumes reads the index of volumes, if there is one.
func (r *repairing) readVolumes() error {
	paths := r.dirs.Paths(r.base.Index())
	if len(paths) == 0 {
		return nil
	}
	x, err := volume.ReadIndex(paths[0])
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		r.notes = append(r.notes, bad.Error())
		return nil
	}
	r.volumes = x
	return err
}

// readRecovery chooses between the index of recovery blocks and its copies.
func (r *repairing) readRecovery() (err error) {
	var file []byte
	if paths := r.dirs.Paths(r.base.RecoveryIndex()); len(paths) > 0 {
		if file, err = readAtMost(paths[0], recovery.MaxIndex); err != nil {
			file = nil // a copy may do
			r.notes = append(r.notes, err.Error())
		}
	}
	copies, err := r.copies()
	if err != nil {
		return err
	}
	name := filepath.Base(r.base.RecoveryIndex())
	x, raw, err := recovery.Choose(file, copies, r.wanted())
	if err != nil {
		return &check.Fault{ID: check.MediaRecovery, Subject: name, Detail: fmt.Sprintf("%v; looked in %s.\nRepair needs what export --recovery wrote: name its folder with --volumes DIR. If there is none, copy the bundle again from its source", err, strings.Join(r.dirs, ", "))}
	}
	if string(raw) != string(file) {
		r.notes = append(r.notes, name+" is missing or damaged; a copy in a recovery volume was used")
		r.documents[name] = raw
	}
	if r.set, err = recovery.NewSet(x, r.base); err != nil {
		return err
	}
	return r.agree(x, name)
}

// agree makes sure that both indexes speak of one bundle.
func (r *repairing) agree(x *recovery.Index, name string) error {
	switch v := r.volumes; {
	case v == nil && x.Volume > 0:
		r.documents[filepath.Base(r.base.Index())] = nil
	case v != nil && (v.Whole != x.Whole || v.Volumes[0].Size != min(x.Volume, x.Whole.Size)):
		return &check.Fault{ID: check.MediaForeign, Subject: name, Detail: "the recovery volumes are of another bundle than the index of volumes", Expected: string(v.Whole.Digest), Found: string(x.Whole.Digest)}
	}
	return nil
}

// maxCopies bounds the copies of the index that are held, each only once: they
// are all alike but for damage.
const maxCopies = 8

// copies reads the copy of the index at the end of each recovery volume.
func (r *repairing) copies() (list [][]byte, err error) {
	for n := 1; n <= volume.MaxVolumes; n++ {
		for _, p := range r.dirs.Paths(r.base.Recovery(n)) {
			f, size, err := r.openFile(p)
			if err != nil {
				return nil, err
			}
			c := recovery.Copy(f, size)
			if len(list) < maxCopies && !slices.ContainsFunc(list, func(o []byte) bool { return bytes.Equal(o, c) }) {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// wanted is the digest of the index of recovery blocks that the index of
// volumes names.
func (r *repairing) wanted() oci.Digest {
	if r.volumes == nil || r.volumes.Recovery == nil {
		return ""
	}
	return r.volumes.Recovery.Digest
}

// share says how much of a file of size bytes is lost.
func share(lost []recovery.Range, size int64) string {
	n := int64(0)
	for _, g := range lost {
		n += g.To - g.From
	}
	if n == 0 || size == 0 {
		return ""
	}
	return fmt.Sprintf(": %s of its %s (%d percent) to be rebuilt", term.Bytes(n), term.Bytes(size), max(1, int64(100*float64(n)/float64(size))))
}

// maxRanges is how many runs of damaged bytes are told of one file.
const maxRanges = 20

// tell says what is wrong with each file, and returns those to be rebuilt.
func (r *repairing) tell(w io.Writer) (bad []*recovery.File) {
	for _, note := range r.notes {
		fmt.Fprintln(w, term.Escape(note))
	}
	for _, f := range r.set.Files {
		fault, lost := f.Fault(), r.lost(f)
		if fault == "" && len(lost) == 0 {
			continue
		}
		bad = append(bad, f)
		if fault == "" {
			fault = "is damaged"
		}
		fmt.Fprint(w, term.Fold(term.Escape(filepath.Base(f.Name))+" "+fault+share(lost, f.Size), 2))
		if f.In == nil {
			continue
		}
		for i, g := range lost {
			if i == maxRanges {
				fmt.Fprintf(w, "  and %d more\n", len(lost)-i)
				break
			}
			fmt.Fprintf(w, "  bytes %d to %d\n", g.From, g.To-1)
		}
	}
	return bad
}

// rebuild writes the bad files and indexes into dir and returns their names.
func (r *repairing) rebuild(ctx context.Context, bad []*recovery.File, dir string, w *os.File) ([]string, error) {
	made, err := makeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w; name a folder that can be written with -o DIR", err)
	}
	s := &files{base: r.base.In(dir)}
	err = r.fill(ctx, s, bad, dir, w)
	if err == nil {
		err = s.commit()
	}
	s.abort()
	if err != nil && made {
		_ = os.Remove(dir)
	}
	return s.to, err
}

// makeDir makes the folder, and reports whether it was not there before.
func makeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o777)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func (r *repairing) fill(ctx context.Context, s *files, bad []*recovery.File, dir string, w *os.File) error {
	out := map[*recovery.File]recovery.Output{}
	for _, f := range bad {
		path := filepath.Join(dir, filepath.Base(f.Name))
		if err := absent(path); err != nil {
			return err
		}
		file, err := s.create(path, f.Full())
		if err != nil {
			return err
		}
		out[f] = file
	}
	bar := term.New(w, "rebuilding", r.set.Work(bad))
	err := r.set.Rebuild(ctx, out, bar.Add)
	bar.Done(false)
	if err != nil {
		return err
	}
	if err := r.compare(ctx, bad); err != nil {
		return err
	}
	return r.indexes(s, dir)
}

// absent refuses a file that is there already: nothing is written over.
func absent(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return usagef("%s is there already, and repair writes over nothing; name another folder with -o", name)
	}
	return nil
}

// remedy is what the table of checks says to do.
func remedy(id check.ID) string {
	q, _ := check.Lookup(id)
	if q.Remedy == "" {
		return ""
	}
	return strings.ToUpper(q.Remedy[:1]) + q.Remedy[1:]
}

// compare holds what was rebuilt against the index of volumes; without one,
// the bundle as a whole against the index of recovery blocks.
func (r *repairing) compare(ctx context.Context, bad []*recovery.File) error {
	data := r.set.Data()
	var all []volume.File
	for _, f := range data {
		all = append(all, volume.File{ReaderAt: f.In, Size: f.Size})
	}
	if r.volumes == nil {
		x, err := volume.Describe(ctx, all, nil)
		if err != nil {
			return err
		}
		if x.Whole != r.set.Index.Whole {
			return mismatch(string(r.base), r.set.Index.Whole.Digest, x.Whole.Digest)
		}
		return r.describe(x)
	}
	for i, f := range data {
		if !slices.Contains(bad, f) {
			continue
		}
		d, err := volume.Hash(ctx, f.In, f.Size, nil)
		if err != nil {
			return err
		}
		if want := r.volumes.Volumes[i].Digest; d != want {
			return mismatch(f.Name, want, d)
		}
	}
	return nil
}

func mismatch(name string, want, got oci.Digest) error {
	return &check.Fault{ID: check.MediaRecovery, Subject: filepath.Base(name), Detail: "what was rebuilt is not what the index says; one of the indexes was changed", Expected: string(want), Found: string(got)}
}

// describe makes the index of volumes anew, if it is to be.
func (r *repairing) describe(x *volume.Index) error {
	name := filepath.Base(r.base.Index())
	if _, missing := r.documents[name]; !missing {
		return nil
	}
	raw, err := r.set.Index.Marshal()
	if err != nil {
		return err
	}
	x.Recovery = &volume.Recovery{Digest: oci.FromBytes(raw), Data: r.set.Index.Data, Parity: r.set.Index.Parity}
	r.documents[name], err = x.Marshal()
	return err
}

// indexes writes the indexes that were missing or damaged.
func (r *repairing) indexes(s *files, dir string) error {
	for _, name := range slices.Sorted(maps.Keys(r.documents)) {
		path := filepath.Join(dir, name)
		if err := absent(path); err != nil {
			return err
		}
		if err := s.document(path, r.documents[name]); err != nil {
			return err
		}
	}
	return nil
}
