package recovery

import (
	"errors"

	"github.com/gapseal/gapseal/oci"
)

// errNoIndex says that neither the index of recovery blocks nor a copy of it at
// the end of a recovery volume can be used.
var errNoIndex = errors.New("there is no index of recovery blocks that can be read, and no recovery volume has a whole copy of it at its end")

// Choose finds the index that a set of volumes goes by: the one that the index
// of volumes names (want, if not empty), else the commonest of the copies in
// recovery volumes, which tell whether they are whole, else the file. It
// returns its bytes, too.
func Choose(file []byte, copies [][]byte, want oci.Digest) (*Index, []byte, error) {
	count := map[string]int{}
	var best []byte
	for _, c := range copies {
		if count[string(c)]++; len(c) > 0 && (best == nil || count[string(c)] > count[string(best)]) {
			best = c
		}
	}
	for _, c := range append([][]byte{file}, copies...) {
		if want != "" && len(c) > 0 && oci.FromBytes(c) == want {
			best = c
			break
		}
	}
	for _, c := range append([][]byte{best, file}, copies...) {
		if len(c) == 0 {
			continue
		}
		if x, err := Parse(c); err == nil {
			return x, c, nil
		}
	}
	return nil, nil, errNoIndex
}
