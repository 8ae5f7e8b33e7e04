package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/trust"
)

// keepApart refuses an output that is one of the inputs, that lies in a register,
// where only its entries belong, or that is no regular file, such as a symbolic link.
func keepApart(output string, inputs []string) error {
	if output == "" || output == "-" {
		return nil
	}
	if register.Begun(filepath.Dir(output)) {
		return inRegister(output)
	}
	if err := atomicfile.Check(output); err != nil {
		return err
	}
	out, err := os.Stat(output)
	if err != nil {
		return nil // there is nothing to overwrite
	}
	for _, path := range inputs {
		if in, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return usagef("%s is an input of this command and would be overwritten; write to another file", output)
		}
	}
	return nil
}

// keepOutside refuses an output in dir, the folder of a register, which may still be
// empty.
func keepOutside(output, dir string) error {
	if output == "" {
		return nil
	}
	a, erra := os.Stat(filepath.Dir(output))
	b, errb := os.Stat(dir)
	if erra == nil && errb == nil && os.SameFile(a, b) {
		return inRegister(output)
	}
	return nil
}

func inRegister(output string) error {
	return usagef("%s is in a register, where only its entries belong; write elsewhere", output)
}

// samePath reports whether two paths lead to one file, which need not exist.
func samePath(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	if erra == nil && errb == nil {
		return os.SameFile(ia, ib)
	}
	a, erra = filepath.Abs(a)
	b, errb = filepath.Abs(b)
	return erra == nil && errb == nil && a == b
}

// refuseExisting refuses an output that exists; why says why it must not be
// overwritten.
func refuseExisting(output, why string) error {
	if _, err := os.Lstat(output); err == nil {
		return usagef("%s already exists, and %s; name a new file", output, why)
	}
	return nil
}

// replaceable refuses to replace a file that does not begin as a bundle does.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 && !beginsAsBundle(path) {
		return usagef("%s exists and is not a bundle, so export does not replace it; name another file, or remove it",
			path)
	}
	return nil
}

// beginsAsBundle reports whether a file begins as a bundle does.
func beginsAsBundle(path string) bool {
	const begin = "oci-layout\x00" // the name of the first entry
	raw, err := readAtMost(path, int64(len(begin)-1))
	return err == nil && string(raw) == begin
}

// checkRecordOutput refuses to write a head or an export of the register in dir over
// an existing file: an older head or export proves what the register held then.
func checkRecordOutput(output, dir, key string) error {
	if output == "" {
		return nil
	}
	if err := keepOutside(output, dir); err != nil {
		return err
	}
	if err := keepApart(output, []string{key}); err != nil {
		return err
	}
	return refuseExisting(output, "an older head or export is a record, too")
}

// keyFiles returns the files that keys were read from.
func keyFiles(keys []*trust.Key) (list []string) {
	for _, k := range keys {
		if k.Path != "" {
			list = append(list, k.Path)
		}
	}
	return list
}

// writeWhole writes a file that gets its name only when it is complete.
func writeWhole(path string, content []byte) error {
	return writeFile(path, func(f *atomicfile.File) error {
		_, err := f.Write(content)
		return err
	})
}

// writeFile is writeWhole for content that fill writes.
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

// textOrJSON is the value of --output of a command that prints either.
type textOrJSON string

func (o *textOrJSON) declare(c *cobra.Command) {
	c.Flags().StringVarP((*string)(o), "output", "o", "text", "print as `FORMAT`: text or json")
	completes(c, "output", words("text", "json"))
}

// json reports whether JSON was asked for.
func (o textOrJSON) json() (bool, error) {
	if o != "text" && o != "json" {
		return false, usagef("--output %q: want text or json", string(o))
	}
	return o == "json", nil
}
