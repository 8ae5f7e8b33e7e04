package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/register"
)

func repairCommand(std stdio) *cobra.Command {
	var (
		output  string
		volumes []string
	)
	c := &cobra.Command{
		Use:   "repair FILE [flags]",
		Short: "rebuild damaged or missing volumes from recovery volumes",
		Long: `Find what is damaged or missing of a bundle that was exported with --recovery,
say which volumes, bytes and blocks, and rebuild them. FILE is the index of
volumes or any one of them.

The rebuilt files are written into a folder of their own, never over what is
there, and are compared with the indexes before they get their names. A repair
is not a verdict: run gapseal verify afterwards, with both folders.`,
		Example: `
gapseal repair app.volumes.json
gapseal repair /media/dvd1/app.tar.001 --volumes /media/dvd2 -o repaired
gapseal verify app.volumes.json --volumes app.repaired --key cosign.pub`,
		Args:              takes(1, "the index of volumes or one of them"),
		ValidArgsFunction: completeFile,
		RunE: runs(std, func(ctx context.Context, args []string, std stdio) error {
			return repair(ctx, args[0], output, volumes, std)
		}),
	}
	fs := c.Flags()
	fs.StringVarP(&output, "output", "o", "", "write the rebuilt files into `DIR` (default: NAME.repaired beside FILE)")
	fs.StringArrayVar(&volumes, "volumes", nil, volumesUsage)
	return c
}

func repair(ctx context.Context, path, dir string, volumes []string, std stdio) error {
	if err := folders(volumes); err != nil {
		return err
	}
	r, err := recovery.Find(path, volumes)
	if errors.As(err, new(*recovery.NoIndexError)) {
		return fmt.Errorf("%w\nRepair needs what export --recovery wrote: name its folder with --volumes DIR. "+
			"If there is none, copy the bundle again from its source", err)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if err := scan(ctx, r, std.err); err != nil {
		return err
	}
	printDamage(std.out, r)
	if f := r.Beyond(); f != nil {
		return fmt.Errorf("%w\nNothing was written. %s.", f, remedy(f))
	}
	if !r.Needed() {
		fmt.Fprintf(std.out, "nothing to repair: all %d files of %s are as the index of recovery blocks lists them\n",
			r.Files(), term.Escape(filepath.Base(string(r.Base))))
		return nil
	}
	return rebuild(ctx, r, dir, std)
}

func scan(ctx context.Context, r *recovery.Repair, w *os.File) error {
	bar := term.New(w, "looking for damage", r.Size())
	defer bar.Done(false)
	return r.Scan(ctx, bar.Add)
}

// rebuild writes the damaged and missing files into dir or, if that is empty, into
// a folder named after the bundle.
func rebuild(ctx context.Context, r *recovery.Repair, dir string, std stdio) error {
	if dir == "" {
		dir = strings.TrimSuffix(string(r.Base), ".tar") + ".repaired"
		// Anyone can predict this name, and only a folder that the user names may be a link.
		if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return usagef("%s is a symbolic link; name the folder for the rebuilt files: -o DIR", dir)
		}
	}
	if register.Begun(dir) {
		return inRegister(dir)
	}
	bar := term.New(std.err, "rebuilding", r.Work())
	written, err := r.Rebuild(ctx, dir, bar.Add)
	bar.Done(false)
	if err != nil {
		return fmt.Errorf("%w\nThis run wrote nothing into %s.%s", adviseFolder(err), dir, again(err, "repair"))
	}
	for _, name := range written {
		fmt.Fprintf(std.out, "rebuilt %s\n", term.Escape(name))
	}
	next := "Now verify the bundle with the rebuilt files: gapseal verify, with --volumes " + term.Escape(dir) +
		" and the key you trust."
	fmt.Fprint(std.out, term.Fold(next, 2))
	return nil
}

// adviseFolder adds the flag that helps if a folder cannot be used.
func adviseFolder(err error) error {
	path := (*fs.PathError)(nil)
	switch {
	case !errors.As(err, &path):
	case errors.Is(err, fs.ErrExist):
		return usagef("%s already exists, and repair overwrites nothing; name another folder with -o", path.Path)
	case path.Op == "mkdir":
		return fmt.Errorf("%w; name a folder that can be written with -o DIR", err)
	}
	return err
}

// maxRanges is how many damaged ranges of one file are shown.
const maxRanges = 20

// printDamage says what is wrong with the indexes and with each file.
func printDamage(w io.Writer, r *recovery.Repair) {
	for _, note := range r.Notes {
		fmt.Fprintln(w, term.Escape(note))
	}
	for _, d := range r.Damage() {
		fmt.Fprint(w, term.Fold(term.Escape(d.Name)+" "+d.Problem+share(d), 2))
		if d.Missing {
			continue
		}
		for i, g := range d.Lost {
			if i == maxRanges {
				fmt.Fprintf(w, "  and %d more\n", len(d.Lost)-i)
				break
			}
			fmt.Fprintf(w, "  bytes %d to %d\n", g.From, g.To-1)
		}
	}
}

// share says how much of a file is lost.
func share(d recovery.Damage) string {
	n := int64(0)
	for _, g := range d.Lost {
		n += g.To - g.From
	}
	if n == 0 || d.Size == 0 {
		return ""
	}
	percent := max(1, int64(100*float64(n)/float64(d.Size)))
	return fmt.Sprintf(": %s of its %s (%d percent) to be rebuilt", term.Bytes(n), term.Bytes(d.Size), percent)
}

// remedy returns as a sentence what to do about a fault.
func remedy(f *check.Fault) string {
	q, _ := check.Lookup(f.ID)
	text := cmp.Or(advise(f), q.Remedy)
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
