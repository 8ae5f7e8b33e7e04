package main

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func isURL(s string) bool { return strings.Contains(s, "://") }

// absolute makes a report readable elsewhere.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// keepApart refuses to write over what is read.
func keepApart(output string, inputs []string) error {
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

// hideUser removes credentials from a URL that will be shown.
func hideUser(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// exists reports whether any of the files is there.
func exists(paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return err == nil
	})
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

// sameFolder reports whether a file lies in a folder.
func sameFolder(file, dir string) bool {
	a, erra := os.Stat(filepath.Dir(file))
	b, errb := os.Stat(dir)
	return file != "" && erra == nil && errb == nil && os.SameFile(a, b)
}
