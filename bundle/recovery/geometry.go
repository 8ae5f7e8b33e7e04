package recovery

import (
	"errors"
	"fmt"
)

// MaxBlocks is how many blocks there may be, of data and parity together: as
// many as GF(2^8) has elements.
const MaxBlocks = 256

const (
	maxColumns = 16       // so that an index stays under 512 KiB
	cellUnit   = 512      // bytes; the least that a medium loses at a time
	leastBlock = 4 << 10  // bytes
	smallCell  = 16 << 10 // bytes; finer cells would make the index larger than what they save
	maxWhole   = 1 << 50  // bytes; keeps products of sizes from overflowing

	// maxPadding is more than rounding leaves at the end of the last block, in
	// bytes: every cell of every block is rounded up to a multiple of cellUnit.
	maxPadding = MaxBlocks * maxColumns * (cellUnit + 1)
)

// Geometry says how a bundle is cut into blocks.
type Geometry struct {
	Size    int64 // of the bundle, in bytes
	Cell    int64 // bytes of one cell
	Columns int   // cells of one block
	Data    int   // blocks of the bundle
	Parity  int   // blocks that may be lost, of either kind
}

// Plan chooses the geometry for a bundle of size bytes of which percent (1 to
// 100) may be lost. A run of that share touches one block more than it fills,
// since it need not begin where a block does; so there is one more of parity.
func Plan(size int64, percent int) (Geometry, error) {
	if size < 1 || size > maxWhole || percent < 1 || percent > 100 {
		return Geometry{}, fmt.Errorf("%d percent of %d bytes: want 1 to 100 percent of 1 to %d bytes", percent, size, int64(maxWhole))
	}
	parity := func(data int) int { return (data*percent+99)/100 + 1 }
	data := MaxBlocks
	for data+parity(data) > MaxBlocks {
		data--
	}
	data = int(min(int64(data), ceil(size, leastBlock)))
	block := ceil(size, int64(data))
	g := Geometry{Size: size, Columns: int(max(1, min(maxColumns, block/smallCell)))}
	g.Cell = ceil(ceil(block, int64(g.Columns)), cellUnit) * cellUnit
	g.Data = int(ceil(size, g.Block()))
	g.Parity = parity(g.Data)
	return g, nil
}

// Block is the size of a block, in bytes.
func (g Geometry) Block() int64 { return g.Cell * int64(g.Columns) }

// ParitySize is the size of all parity, in bytes.
func (g Geometry) ParitySize() int64 { return g.Block() * int64(g.Parity) }

// Blocks is the number of blocks of either kind.
func (g Geometry) Blocks() int { return g.Data + g.Parity }

// at is where a cell begins, in a space of all data blocks and then all parity.
func (g Geometry) at(block, column int) int64 {
	return int64(block)*g.Block() + int64(column)*g.Cell
}

// check caps what came from outside before anything is allocated for it.
func (g Geometry) check() error {
	switch {
	case g.Size < 1 || g.Size > maxWhole:
		return fmt.Errorf("the size of the whole: want 1 to %d bytes, found %d", int64(maxWhole), g.Size)
	case g.Data < 1 || g.Parity < 1 || g.Data > MaxBlocks || g.Parity > MaxBlocks || g.Blocks() > MaxBlocks:
		return fmt.Errorf("want at most %d blocks of data and parity, found %d and %d", MaxBlocks, g.Data, g.Parity)
	case g.Columns < 1 || g.Columns > maxColumns:
		return fmt.Errorf("want 1 to %d columns, found %d", maxColumns, g.Columns)
	case g.Cell < 1 || g.Cell > maxWhole || g.Cell%cellUnit != 0:
		return fmt.Errorf("the size of a cell: want a multiple of %d bytes, found %d", cellUnit, g.Cell)
	case g.Block() > g.Size+leastBlock:
		return fmt.Errorf("a block of %d bytes is larger than the whole of %d", g.Block(), g.Size)
	case int64(g.Data) != ceil(g.Size, g.Block()):
		return errors.New("the blocks are not as many as the size of the whole makes")
	case int64(g.Data)*g.Block()-g.Size > maxPadding: // hashing it would never end
		return fmt.Errorf("the padding of the last block: want at most %d bytes, found %d", int64(maxPadding), int64(g.Data)*g.Block()-g.Size)
	case g.Parity > g.Data+1: // nobody may lose more than all, and a block more
		return fmt.Errorf("want at most %d blocks of parity for %d of data, found %d", g.Data+1, g.Data, g.Parity)
	}
	return nil
}

func ceil(n, by int64) int64 { return (n + by - 1) / by }
