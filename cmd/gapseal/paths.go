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

// named is a file by the flag that names it, if one does.
func named(flag, path string) string { return strings.TrimSpace(flag + " " + path) }

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
