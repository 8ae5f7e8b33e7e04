package volume

import (
	"context"
	"fmt"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// choose decides between two files that both call themselves volume n. Equal
// ones are no fault. Of others the one that the index lists is read, and the
// other told as a warning; where the index lists neither, nothing tells which
// is right.
func (s *Set) choose(n int, a, b string) (string, error) {
	sumA, err := hashPath(a)
	if err != nil {
		return "", err
	}
	sumB, err := hashPath(b)
	if err != nil || sumA == sumB {
		return a, err
	}
	f := &check.Fault{ID: check.MediaDuplicate, Subject: s.name(n), Detail: fmt.Sprintf("volume %d was found twice with different content: %s and %s", n, a, b),
		Found: string(sumA) + " and " + string(sumB)}
	s.Faults = append(s.Faults, f)
	if s.Index == nil || n > len(s.Index.Volumes) {
		return a, nil
	}
	want := s.Index.Volumes[n-1].Digest
	f.Expected = string(want)
	f.Warn = want == sumA || want == sumB
	if want == sumB {
		a = b
	}
	return a, nil
}

func hashPath(path string) (oci.Digest, error) {
	f, size, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return Hash(context.Background(), f, size, nil)
}
