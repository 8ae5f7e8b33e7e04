package recovery

import (
	"errors"
	"fmt"
	"math"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// MaxBlocks is how many blocks there may be, of data and parity together: as
// many as GF(2^8) has elements.
const MaxBlocks = 256

const (
	maxColumns = 16       // so that an index stays under 512 KiB
	cellUnit   = 512      // bytes; the least that a medium loses at a time
	leastBlock = 4 << 10  // bytes
	smallCell  = 16 << 10 // bytes; finer cells would add more to the index than they save
	maxWhole   = 1 << 50  // bytes; keeps products of sizes from overflowing

	// maxPadding is more than rounding leaves at the end of the last block, in
	// bytes: every cell of every block is rounded up to a multiple of cellUnit.
	maxPadding = MaxBlocks * maxColumns * (cellUnit + 1)
)

// geometry says how a bundle is cut into blocks.
type geometry struct {
	Size    int64 // of the bundle, in bytes
	Cell    int64 // bytes of one cell
	Columns int   // cells of one block
	Data    int   // blocks of the bundle
	Parity  int   // blocks of parity: as many blocks of either kind may be lost
}

// newGeometry chooses how to cut a bundle of size bytes of which percent (1 to 100)
// may be lost. A run of bytes of that share touches one block more than it
// fills, since it need not begin where a block does, so there is one more block
// of parity.
func newGeometry(size int64, percent int) (geometry, error) {
	if size < 1 || size > maxWhole || percent < 1 || percent > 100 {
		return geometry{}, fmt.Errorf("%d percent of %d bytes: want 1 to 100 percent of 1 to %d bytes",
			percent, size, int64(maxWhole))
	}
	parity := func(data int) int { return (data*percent+99)/100 + 1 }
	data := MaxBlocks
	for data+parity(data) > MaxBlocks {
		data--
	}
	data = int(min(int64(data), ceil(size, leastBlock)))
	block := ceil(size, int64(data))
	g := geometry{Size: size, Columns: int(max(1, min(maxColumns, block/smallCell)))}
	g.Cell = ceil(ceil(block, int64(g.Columns)), cellUnit) * cellUnit
	g.Data = int(ceil(size, g.block()))
	g.Parity = parity(g.Data)
	return g, nil
}

// block returns the size of a block, in bytes.
func (g geometry) block() int64 { return g.Cell * int64(g.Columns) }

// paritySize returns the size of all parity, in bytes.
func (g geometry) paritySize() int64 { return g.block() * int64(g.Parity) }

// blocks returns the number of blocks of either kind.
func (g geometry) blocks() int { return g.Data + g.Parity }

// at returns where a cell begins in the block space: all data blocks, then all
// parity blocks.
func (g geometry) at(block, column int) int64 {
	return int64(block)*g.block() + int64(column)*g.Cell
}

// check bounds a geometry that was read, before anything is allocated for it.
func (g geometry) check() error {
	padding := int64(g.Data)*g.block() - g.Size
	switch {
	case g.Size < 1 || g.Size > maxWhole:
		return fmt.Errorf("the size of the whole: want 1 to %d bytes, found %d", int64(maxWhole), g.Size)
	case g.Data < 1 || g.Parity < 1 || g.Data > MaxBlocks || g.Parity > MaxBlocks || g.blocks() > MaxBlocks:
		return fmt.Errorf("want at most %d blocks of data and parity, found %d and %d", MaxBlocks, g.Data, g.Parity)
	case g.Columns < 1 || g.Columns > maxColumns:
		return fmt.Errorf("want 1 to %d columns, found %d", maxColumns, g.Columns)
	case g.Cell < 1 || g.Cell > maxWhole || g.Cell%cellUnit != 0:
		return fmt.Errorf("the size of a cell: want a multiple of %d bytes, found %d", cellUnit, g.Cell)
	case g.block() > g.Size+leastBlock:
		return fmt.Errorf("a block of %d bytes is larger than the whole of %d", g.block(), g.Size)
	case int64(g.Data) != ceil(g.Size, g.block()):
		return errors.New("the number of data blocks does not follow from the size of the whole")
	case padding > maxPadding: // hashing it would never end
		return fmt.Errorf("the padding of the last block: want at most %d bytes, found %d", int64(maxPadding), padding)
	case g.Parity > g.Data+1: // more than could ever be needed
		return fmt.Errorf("want at most %d blocks of parity for %d of data, found %d", g.Data+1, g.Data, g.Parity)
	}
	return nil
}

func ceil(n, by int64) int64 { return (n + by - 1) / by }

// Schema is the schema of an index of recovery blocks.
const Schema = "gapseal.recovery/v1"

// MaxIndex is how large an index may be, in bytes.
const MaxIndex = 512 << 10

// Index says how a bundle was cut into blocks, and gives the SHA-256 of each
// cell, by which damage is found. Its JSON form is canonical: the same index is
// always the same bytes.
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

// Plan returns an index without digests, and the sizes of the recovery volumes
// in bytes, for a bundle of size bytes in volumes of each bytes (0: in one file)
// of which percent (1 to 100) may be lost. The error is a [*volume.SizeError] if
// each is too small.
func Plan(size int64, percent int, each int64) (*Index, []int64, error) {
	g, err := newGeometry(size, percent)
	if err != nil {
		return nil, nil, err
	}
	x, err := newIndex(g, each)
	if err != nil {
		return nil, nil, err
	}
	sizes, err := volume.Split(g.paritySize(), x.Recovery)
	return x, sizes, err
}

// newIndex plans recovery volumes for data volumes of each bytes, with every
// digest still to come. No recovery volume is larger than a data volume.
func newIndex(g geometry, each int64) (*Index, error) {
	x := &Index{
		Schema: Schema,
		Whole:  volume.Whole{Size: g.Size, Digest: oci.EmptyDigest},
		Volume: each, Recovery: math.MaxInt64,
		Cell: g.Cell, Columns: g.Columns, Data: g.Data, Parity: g.Parity,
		Cells: make([]oci.Digest, g.blocks()*g.Columns),
	}
	for i := range x.Cells {
		x.Cells[i] = oci.EmptyDigest
	}
	longest, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	x.Recovery = g.paritySize()
	if room := each - tailSize(len(longest)); each > 0 {
		if least := ceil(g.paritySize(), volume.MaxVolumes); room < least {
			return nil, &volume.SizeError{Each: each, Least: least + tailSize(len(longest)),
				Why: "are too small for recovery volumes; this bundle needs volumes"}
		}
		if room > g.Cell {
			room -= room % g.Cell // so that losing a recovery volume costs its neighbour no cell
		}
		x.Recovery = min(x.Recovery, room)
	}
	return x, nil
}

// geometry returns how the bundle was cut.
func (x *Index) geometry() geometry {
	return geometry{Size: x.Whole.Size, Cell: x.Cell, Columns: x.Columns, Data: x.Data, Parity: x.Parity}
}

// Marshal returns the canonical JSON form of the index.
func (x *Index) Marshal() ([]byte, error) { return strict.Marshal(x) }

// Parse reads an index strictly: unknown members are refused, the bytes must be
// those that [Index.Marshal] writes, and the geometry must be within its bounds.
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
	g := x.geometry()
	if err := g.check(); err != nil {
		return err
	}
	if x.Volume != 0 {
		if _, err := volume.Split(x.Whole.Size, x.Volume); err != nil {
			return err
		}
	}
	if x.Recovery > g.paritySize() {
		return errors.New("recovery volumes would be larger than all parity")
	}
	if _, err := volume.Split(g.paritySize(), x.Recovery); err != nil {
		return err
	}
	if want := g.blocks() * g.Columns; len(x.Cells) != want {
		return fmt.Errorf("want %d cells, found %d", want, len(x.Cells))
	}
	for _, d := range append([]oci.Digest{x.Whole.Digest}, x.Cells...) {
		if _, err := oci.ParseDigest(string(d)); err != nil {
			return err
		}
	}
	return nil
}
