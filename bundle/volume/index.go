package volume

import (
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// Schema is the schema of an index of volumes.
const Schema = "gapseal.volumes/v1"

// MaxIndex is how large an index may be, in bytes: three times what 999
// volumes take.
const MaxIndex = 512 << 10

// maxWhole keeps sums of sizes from overflowing.
const maxWhole = 1 << 50

// Index lists the volumes of one bundle. There is one way to write it.
type Index struct {
	Schema   string    `json:"schema"`
	Whole    Whole     `json:"whole"`
	Volumes  []Volume  `json:"volumes"`
	Recovery *Recovery `json:"recovery"` // nil without recovery volumes
}

// Whole is the bundle as one file, which need not exist.
type Whole struct {
	Size   int64      `json:"size"` // in bytes
	Digest oci.Digest `json:"digest"`
}

// Volume is one volume.
type Volume struct {
	Number int        `json:"number"` // from 1 on
	Size   int64      `json:"size"`   // in bytes
	Digest oci.Digest `json:"digest"`
}

// Recovery names the index of recovery blocks that belongs to this bundle.
type Recovery struct {
	Digest oci.Digest `json:"digest"`
	Data   int        `json:"dataBlocks"`
	Parity int        `json:"parityBlocks"`
}

// Marshal writes the index in its canonical form.
func (x *Index) Marshal() ([]byte, error) { return strict.Marshal(x) }

// Parse reads an index strictly: every name known, the bytes exactly as
// [Index.Marshal] writes them, the sizes as [Split] makes them.
func Parse(raw []byte) (*Index, error) {
	if len(raw) > MaxIndex {
		return nil, fmt.Errorf("has more than %d bytes", MaxIndex)
	}
	var x Index
	if err := strict.UnmarshalOwn(raw, &x); err != nil {
		return nil, err
	}
	if x.Schema != Schema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", Schema, x.Schema)
	}
	return &x, x.check()
}

func (x *Index) check() error {
	if x.Whole.Size < 1 || x.Whole.Size > maxWhole {
		return fmt.Errorf("the size of the whole: want 1 to %d bytes, found %d", int64(maxWhole), x.Whole.Size)
	}
	if n := len(x.Volumes); n < 1 || n > MaxVolumes {
		return fmt.Errorf("want 1 to %d volumes, found %d", MaxVolumes, n)
	}
	sizes, err := Split(x.Whole.Size, x.Volumes[0].Size)
	if err != nil {
		return err
	}
	if len(sizes) != len(x.Volumes) {
		return fmt.Errorf("lists %d volumes where their size makes %d", len(x.Volumes), len(sizes))
	}
	digests := []oci.Digest{x.Whole.Digest}
	for i, v := range x.Volumes {
		if v.Number != i+1 || v.Size != sizes[i] {
			return fmt.Errorf("volume %d: want %d bytes, found number %d with %d bytes", i+1, sizes[i], v.Number, v.Size)
		}
		digests = append(digests, v.Digest)
	}
	if r := x.Recovery; r != nil {
		if r.Data < 1 || r.Parity < 1 {
			return fmt.Errorf("recovery: want at least 1 block of data and 1 of parity, found %d and %d", r.Data, r.Parity)
		}
		digests = append(digests, r.Digest)
	}
	for _, d := range digests {
		if _, err := oci.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	return nil
}
