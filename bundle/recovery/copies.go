package recovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/gapseal/gapseal/oci"
)

// A recovery volume ends in a tail: a copy of the index, with what is needed to
// find it from the end of the file and to tell whether it is whole.
//
//	index | SHA-256 of the index | length of the index, 8 bytes, big-endian | magic
const magic = "gapsealR"

const tailFixed = sha256.Size + 8 + len(magic)

func tailSize(index int) int64 { return int64(index + tailFixed) }

func tail(index []byte) []byte {
	sum := sha256.Sum256(index)
	return slices.Concat(index, sum[:], binary.BigEndian.AppendUint64(nil, uint64(len(index))), []byte(magic))
}

// readCopy returns the copy of the index at the end of a recovery volume of size
// bytes, nil if there is none that is whole.
func readCopy(r io.ReaderAt, size int64) []byte {
	var end [tailFixed]byte
	if size < int64(len(end)) {
		return nil
	}
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil && err != io.EOF {
		return nil
	}
	length := binary.BigEndian.Uint64(end[sha256.Size:])
	if string(end[sha256.Size+8:]) != magic || length > MaxIndex || int64(length) > size-int64(len(end)) {
		return nil
	}
	index := make([]byte, length)
	if _, err := r.ReadAt(index, size-int64(len(end))-int64(length)); err != nil && err != io.EOF {
		return nil
	}
	if sum := sha256.Sum256(index); !bytes.Equal(sum[:], end[:sha256.Size]) {
		return nil
	}
	return index
}

var errNoIndex = errors.New("there is no index of recovery blocks that can be read, " +
	"and no recovery volume has a whole copy of it at its end")

// choose picks the index that a repair goes by, and returns it with its bytes.
// Preferred is the one whose digest is want, which the index of volumes names.
// Next is the most frequent of the copies, which are known to be whole, and last
// the file. want and file may be empty.
func choose(file []byte, copies [][]byte, want oci.Digest) (*Index, []byte, error) {
	best := mostFrequent(copies)
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

func mostFrequent(copies [][]byte) (best []byte) {
	count := map[string]int{}
	for _, c := range copies {
		count[string(c)]++
		if len(c) > 0 && (best == nil || count[string(c)] > count[string(best)]) {
			best = c
		}
	}
	return best
}
