package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
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
		fmt.Fprintf(std.out, "nothing to repair: all %d files of %s are as the index of recovery blocks lists them\n", len(r.set.Files), report.Terminal(filepath.Base(string(r.base))))
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
		fmt.Fprintf(std.out, "rebuilt %s\n", report.Terminal(name))
	}
	fmt.Fprint(std.out, report.Fold("Now verify the bundle with what is rebuilt: gapseal verify, with --volumes "+report.Terminal(dir)+" and the key you trust.", 2))
	return nil
}

// scan reads everything and finds the damage.
func (r *repairing) scan(ctx context.Context, w *os.File) error {
	bar := progress.New(w, "looking for damage", r.set.Span())
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
