package main

import "github.com/gapseal/gapseal/internal/atomicfile"

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
