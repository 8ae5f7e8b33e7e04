package volume

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// choose decides between files that all call themselves volume n. Equal ones
// are no fault. Of others the one that the index lists is read, and the rest
// told as a warning; where the index lists none, nothing tells which is right.
func (s *Set) choose(n int, paths []string) (string, error) {
	sums, err := hashPaths(paths)
	if err != nil || !slices.ContainsFunc(sums, func(d oci.Digest) bool { return d != sums[0] }) {
		return paths[0], err
	}
	f := &check.Fault{ID: check.MediaDuplicate, Subject: s.name(n), Detail: fmt.Sprintf("volume %d was found %s with different content: %s", n, times(len(paths)), strings.Join(paths, " and ")),
		Found: shown(sums)}
	s.Faults = append(s.Faults, f)
	if s.Index == nil || n > len(s.Index.Volumes) {
		return paths[slices.IndexFunc(sums, readable)], nil
	}
	want := s.Index.Volumes[n-1].Digest
	f.Expected = string(want)
	if at := slices.Index(sums, want); at >= 0 {
		f.Warn = true
		return paths[at], nil
	}
	return paths[slices.IndexFunc(sums, readable)], nil
}

// hashPaths hashes files. One that the medium does not give has no digest, as
// long as there is another: that may be the copy that was made of it.
func hashPaths(paths []string) ([]oci.Digest, error) {
	sums, failed := make([]oci.Digest, len(paths)), error(nil)
	for i, path := range paths {
		d, err := hashPath(path)
		if err != nil {
			failed = err
		}
		sums[i] = d
	}
	if slices.ContainsFunc(sums, readable) {
		return sums, nil
	}
	return nil, failed
}

func readable(d oci.Digest) bool { return d != "" }

func times(n int) string {
	if n == 2 {
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

func shown(sums []oci.Digest) string {
	list := make([]string, len(sums))
	for i, d := range sums {
		if list[i] = string(d); d == "" {
			list[i] = "nothing that can be read"
		}
	}
	return strings.Join(list, " and ")
}

func hashPath(path string) (oci.Digest, error) {
	f, size, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return Hash(context.Background(), f, size, nil)
}
