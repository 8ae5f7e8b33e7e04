package recovery

import (
	"errors"
	"fmt"
	"math"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// Schema is the schema of an index of recovery blocks.
const Schema = "gapseal.recovery/v1"

// MaxIndex is how large an index may be, in bytes.
const MaxIndex = 512 << 10

// Index says how a bundle was cut into blocks, and the SHA-256 of each cell, by
// which damage is found. There is one way to write it.
type Index struct {
	Schema   string       `json:"schema"`
	Whole    volume.Whole `json:"whole"`
	Volume   int64        `json:"volumeSize"`   // bytes of each data volume but the last; 0 for a bundle in one file
	Recovery int64        `json:"recoverySize"` // bytes of parity in each recovery volume but the last
	Cell     int64        `json:"cellSize"`     // in bytes
	Columns  int          `json:"columns"`      // cells of a block
	Data     int          `json:"dataBlocks"`
	Parity   int          `json:"parityBlocks"`
	Cells    []oci.Digest `json:"cells"` // block by block, parity last
}

// Geometry returns how the bundle was cut.
func (x *Index) Geometry() Geometry {
	return Geometry{Size: x.Whole.Size, Cell: x.Cell, Columns: x.Columns, Data: x.Data, Parity: x.Parity}
}

// newIndex lays out recovery volumes for data volumes of that size, with every
// digest still to come. No recovery volume is larger than a data volume.
func newIndex(g Geometry, each int64) (*Index, error) {
	x := &Index{Schema: Schema, Whole: volume.Whole{Size: g.Size, Digest: oci.EmptyDigest}, Volume: each, Recovery: math.MaxInt64,
		Cell: g.Cell, Columns: g.Columns, Data: g.Data, Parity: g.Parity, Cells: make([]oci.Digest, g.Blocks()*g.Columns)}
	for i := range x.Cells {
		x.Cells[i] = oci.EmptyDigest
	}
	longest, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	x.Recovery = g.ParitySize()
	if room := each - tailSize(len(longest)); each > 0 {
		if least := ceil(g.ParitySize(), volume.MaxVolumes); room < least {
			return nil, fmt.Errorf("volumes of %d bytes are too small for recovery volumes: want at least %d", each, least+tailSize(len(longest)))
		}
		if room > g.Cell {
			room -= room % g.Cell // a lost recovery volume should not cost its neighbour a cell
		}
		x.Recovery = min(x.Recovery, room)
	}
	return x, nil
}

// Marshal writes the index in its canonical form.
func (x *Index) Marshal() ([]byte, error) { return strict.Marshal(x) }

// Parse reads an index strictly: every name known, the bytes exactly as
// [Index.Marshal] writes them, the geometry within its bounds.
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
	g := x.Geometry()
	if err := g.check(); err != nil {
		return err
	}
	if x.Volume != 0 {
		if _, err := volume.Split(x.Whole.Size, x.Volume); err != nil {
			return err
		}
	}
	if x.Recovery > g.ParitySize() {
		return errors.New("recovery volumes would be larger than all parity")
	}
	if _, err := volume.Split(g.ParitySize(), x.Recovery); err != nil {
		return err
	}
	if want := g.Blocks() * g.Columns; len(x.Cells) != want {
		return fmt.Errorf("want %d cells, found %d", want, len(x.Cells))
	}
	for _, d := range append([]oci.Digest{x.Whole.Digest}, x.Cells...) {
		if _, err := oci.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	return nil
}
