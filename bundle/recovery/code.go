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

	"github.com/gapseal/gapseal/oci"
)

// memory is what the buffers of a code word may take, in bytes.
const memory = 32 << 20

// word is the part of a code word that is in memory: the same bytes of every
// block.
type word struct {
	g      geometry
	code   reedsolomon.Encoder
	step   int64 // bytes of each block
	shards [][]byte
}

func newWord(g geometry) (*word, error) {
	code, err := reedsolomon.New(g.Data, g.Parity)
	if err != nil {
		return nil, fmt.Errorf("%d blocks of data and %d of parity: %w", g.Data, g.Parity, err)
	}
	w := &word{g: g, code: code, step: min(g.Cell, memory/MaxBlocks), shards: make([][]byte, g.blocks())}
	for i := range w.shards {
		w.shards[i] = make([]byte, w.step)
	}
	return w, nil
}

// Encode reads a bundle, writes its parity, and fills in the digests of the
// cells. The digest of the whole is left to the caller. progress is called with
// each number of bytes read.
func (x *Index) Encode(ctx context.Context, whole io.ReaderAt, parity io.WriterAt, progress func(int64)) error {
	g := x.geometry()
	w, err := newWord(g)
	if err != nil {
		return err
	}
	for column := range g.Columns {
		sums := make([]hash.Hash, g.blocks())
		for i := range sums {
			sums[i] = sha256.New()
		}
		for off := int64(0); off < g.Cell; off += w.step {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(w.step, g.Cell-off)
			if err := w.encode(whole, parity, column, off, n, sums); err != nil {
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

// encode computes n bytes, from off on, of the cells of a column.
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
	return each(w.g.Data, w.g.blocks(), func(b int) error {
		sums[b].Write(shards[b])
		_, err := parity.WriteAt(shards[b], w.g.at(b-w.g.Data, column)+off)
		return err
	})
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

// each calls do for the numbers from lo up to hi, on all cores.
func each(lo, hi int, do func(int) error) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := lo; i < hi; i++ {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// compute rebuilds what is lost, column by column, and writes it to the files in
// out.
func (s *set) compute(ctx context.Context, out map[*member]output, progress func(int64)) error {
	w, err := newWord(s.g)
	if err != nil {
		return err
	}
	for column := range s.g.Columns {
		if !s.anyLost(column) {
			continue
		}
		for off := int64(0); off < s.g.Cell; off += w.step {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(w.step, s.g.Cell-off)
			if err := s.decode(w, out, column, off, n); err != nil {
				return err
			}
			progress(n * int64(s.g.Data))
		}
	}
	return nil
}

// anyLost reports whether a column has lost cells.
func (s *set) anyLost(column int) bool {
	for block := range s.g.blocks() {
		if s.lost[block*s.g.Columns+column] {
			return true
		}
	}
	return false
}

// decode reads n bytes, from off on, of as many intact cells of a column as there
// are data blocks, and computes and writes those that are lost.
func (s *set) decode(w *word, out map[*member]output, column int, off, n int64) error {
	shards := make([][]byte, s.g.blocks())
	required := make([]bool, s.g.blocks())
	var intact []int
	for b := range shards {
		shards[b] = w.shards[b][:0:n]
		required[b] = s.lost[b*s.g.Columns+column]
		if !required[b] && len(intact) < s.g.Data {
			intact = append(intact, b)
		}
	}
	err := each(0, len(intact), func(i int) error {
		b := intact[i]
		shards[b] = shards[b][:n]
		return s.read(shards[b], s.g.at(b, column)+off)
	})
	if err != nil {
		return err
	}
	if err := w.code.ReconstructSome(shards, required); err != nil {
		return err
	}
	for b, lost := range required {
		if lost {
			if err := s.put(out, shards[b][:n], s.g.at(b, column)+off); err != nil {
				return err
			}
		}
	}
	return nil
}

// put writes bytes at a position of the block space to the files they belong to.
func (s *set) put(out map[*member]output, p []byte, pos int64) error {
	for f, w := range out {
		lo, hi := max(pos, f.at), min(pos+int64(len(p)), f.at+f.size)
		if lo < hi {
			if _, err := w.WriteAt(p[lo-pos:hi-pos], lo-f.at); err != nil {
				return err
			}
		}
	}
	return nil
}
