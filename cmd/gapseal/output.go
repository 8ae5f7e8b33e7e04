package main

import (
	"os"
	"path/filepath"

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

// anew refuses a file that is there already, where losing it would lose what it
// proves; what says why.
func anew(output, what string) error {
	if _, err := os.Lstat(output); err == nil {
		return usagef("%s is there already, and %s; name a new file", output, what)
	}
	return nil
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
