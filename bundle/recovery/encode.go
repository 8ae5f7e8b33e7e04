package recovery

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/klauspost/reedsolomon"
	"golang.org/x/sync/errgroup"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// memory is what the buffers of a code word may take, in bytes.
const memory = 32 << 20

// Layout returns an index without digests, and the sizes of the recovery
// volumes, for a bundle of size bytes in volumes of each bytes (0: in one file)
// of which percent may be lost.
func Layout(size int64, percent int, each int64) (*Index, []int64, error) {
	g, err := Plan(size, percent)
	if err != nil {
		return nil, nil, err
	}
	x, err := newIndex(g, each)
	if err != nil {
		return nil, nil, err
	}
	sizes, err := volume.Split(g.ParitySize(), x.Recovery)
	return x, sizes, err
}

// Encode reads a bundle, writes its parity, and completes the index of
// [Layout] with the digests of cells. The digest of the whole is the caller's
// to fill in. progress is told the bytes read.
func (x *Index) Encode(ctx context.Context, whole io.ReaderAt, parity io.WriterAt, progress func(int64)) error {
	g := x.Geometry()
	e, err := newWord(g)
	if err != nil {
		return err
	}
	for column := range g.Columns {
		sums := make([]hash.Hash, g.Blocks())
		for i := range sums {
			sums[i] = sha256.New()
		}
		for off := int64(0); off < g.Cell; off += e.step {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(e.step, g.Cell-off)
			if err := e.encode(whole, parity, column, off, n, sums); err != nil {
				return err
			}
			progress(n * int64(g.Data))
		}
		for block, sum := range sums {
			x.Cells[block*g.Columns+column] = oci.FromSum([sha256.Size]byte(sum.Sum(nil)))
		}
	}
	return nil
}

// word is the part of a code word that is in memory: the same bytes of every
// block.
type word struct {
	g      Geometry
	code   reedsolomon.Encoder
	step   int64
	shards [][]byte
}

func newWord(g Geometry) (*word, error) {
	code, err := reedsolomon.New(g.Data, g.Parity)
	if err != nil {
		return nil, fmt.Errorf("%d blocks of data and %d of parity: %w", g.Data, g.Parity, err)
	}
	w := &word{g: g, code: code, step: min(g.Cell, memory/MaxBlocks), shards: make([][]byte, g.Blocks())}
	for i := range w.shards {
		w.shards[i] = make([]byte, w.step)
	}
	return w, nil
}

func (w *word) encode(whole io.ReaderAt, parity io.WriterAt, column int, off, n int64, sums []hash.Hash) error {
	shards := make([][]byte, len(w.shards))
	for i := range shards {
		shards[i] = w.shards[i][:n]
	}
	err := each(0, w.g.Data, func(b int) error {
		if err := readPadded(whole, shards[b], w.g.at(b, column)+off); err != nil {
			return err
		}
		sums[b].Write(shards[b])
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.code.Encode(shards); err != nil {
		return err
	}
	return each(w.g.Data, w.g.Blocks(), func(b int) error {
		sums[b].Write(shards[b])
		_, err := parity.WriteAt(shards[b], w.g.at(b-w.g.Data, column)+off)
		return err
	})
}

// each calls do for the numbers from lo to hi, on all cores.
func each(lo, hi int, do func(int) error) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := lo; i < hi; i++ {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// readPadded fills p, with zeros past the end.
func readPadded(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	clear(p[n:])
	if err == io.EOF {
		return nil
	}
	return err
}
