package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/trust"
)

// keepApart refuses to write over what is read, and into a register, where each
// file vouches for the one before.
func keepApart(output string, inputs []string) error {
	if output == "" || output == "-" {
		return nil
	}
	if folder := target(output); register.Begun(folder) {
		return inRegister(output)
	}
	out, err := os.Stat(output)
	if err != nil {
		return nil // nothing is there to be lost
	}
	for _, path := range inputs {
		if in, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return usagef("%s is read by this very command and would be overwritten; write to another file", output)
		}
	}
	return nil
}

// outside refuses to write into the register in dir, be it empty.
func outside(output, dir string) error {
	if output == "" {
		return nil
	}
	a, erra := os.Stat(target(output))
	b, errb := os.Stat(dir)
	if erra == nil && errb == nil && os.SameFile(a, b) {
		return inRegister(output)
	}
	return nil
}

func inRegister(output string) error {
	return usagef("%s is in a register, where nothing but its entries belongs; write elsewhere", output)
}

// target is the folder that a file is written to: a link is followed, as by the
// write itself.
func target(output string) string {
	if path, err := filepath.EvalSymlinks(output); err == nil {
		output = path
	}
	return filepath.Dir(output)
}

// refuseExisting refuses an output file that exists, where losing it would lose
// what it proves; what says why.
func refuseExisting(output, what string) error {
	if _, err := os.Lstat(output); err == nil {
		return usagef("%s is there already, and %s; name a new file", output, what)
	}
	return nil
}

// replaceable refuses to replace what does not begin as a bundle does.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 && !beginsAsBundle(path) {
		return usagef("%s is there, and is no bundle, so export does not replace it; name another file, or remove it", path)
	}
	return nil
}

// beginsAsBundle tells by its first bytes whether a file may be a bundle.
func beginsAsBundle(path string) bool {
	const begin = "oci-layout\x00" // the name of the first entry
	raw, err := readAtMost(path, int64(len(begin)-1))
	return err == nil && string(raw) == begin
}

// newRecord refuses to write a record of the register in dir over anything: a head
// or an export that is lost takes with it what it proves, and an entry even more.
func newRecord(output, dir, key string) error {
	if output == "" {
		return nil
	}
	if err := outside(output, dir); err != nil {
		return err
	}
	if err := keepApart(output, []string{key}); err != nil {
		return err
	}
	return refuseExisting(output, "an older head or export is a record, too")
}

// keyFiles are the files that keys were read from.
func keyFiles(keys []*trust.Key) (list []string) {
	for _, k := range keys {
		if k.Path != "" {
			list = append(list, k.Path)
		}
	}
	return list
}

// writeWhole writes a file that gets its name only when all of it is there.
func writeWhole(path string, content []byte) error {
	return writeFile(path, func(f *atomicfile.File) error {
		_, err := f.Write(content)
		return err
	})
}

// writeFile is writeWhole for what fill writes.
func writeFile(path string, fill func(*atomicfile.File) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return err
	}
	return f.Commit()
}

// textOrJSON is --output of a command that prints either.
type textOrJSON string

func (o *textOrJSON) declare(c *cobra.Command) {
	c.Flags().StringVarP((*string)(o), "output", "o", "text", "`FORMAT`: text or json")
	completes(c, "output", words("text", "json"))
}

// json reports whether JSON was asked for.
func (o textOrJSON) json() (bool, error) {
	if o != "text" && o != "json" {
		return false, usagef("--output %q: want text or json", string(o))
	}
	return o == "json", nil
}
