package recovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
)

// The tail of a recovery volume is a copy of the index with what finds it and
// tells that it is whole:
//
//	index | SHA-256 of the index | length of the index, 8 bytes, big-endian | magic
const magic = "gapsealR"

const tailFixed = sha256.Size + 8 + len(magic)

func tailSize(index int) int64 { return int64(index + tailFixed) }

func tail(index []byte) []byte {
	sum := sha256.Sum256(index)
	return slices.Concat(index, sum[:], binary.BigEndian.AppendUint64(nil, uint64(len(index))), []byte(magic))
}

// Copy returns the copy of the index at the end of a recovery volume of size
// bytes; nil if there is none that is whole.
func Copy(r io.ReaderAt, size int64) []byte {
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
