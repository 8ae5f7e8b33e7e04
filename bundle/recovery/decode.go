package recovery

import "context"

// anyLost reports whether a column has anything to be rebuilt.
func (s *Set) anyLost(column int) bool {
	for block := range s.g.Blocks() {
		if s.lost[block*s.g.Columns+column] {
			return true
		}
	}
	return false
}

// compute rebuilds what is lost, column by column.
func (s *Set) compute(ctx context.Context, out map[*File]Output, progress func(int64)) error {
	word, err := newWord(s.g)
	if err != nil {
		return err
	}
	for column := range s.g.Columns {
		if !s.anyLost(column) {
			continue
		}
		for off := int64(0); off < s.g.Cell; off += word.step {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(word.step, s.g.Cell-off)
			if err := s.decode(word, out, column, off, n); err != nil {
				return err
			}
			progress(n * int64(s.g.Data))
		}
	}
	return nil
}

// decode reads as many blocks as there are of data, whichever are left, and
// writes those that are lost.
func (s *Set) decode(w *word, out map[*File]Output, column int, off, n int64) error {
	shards, required := make([][]byte, s.g.Blocks()), make([]bool, s.g.Blocks())
	var left []int
	for b := range shards {
		shards[b] = w.shards[b][:0:n]
		required[b] = s.lost[b*s.g.Columns+column]
		if !required[b] && len(left) < s.g.Data {
			left = append(left, b)
		}
	}
	err := each(0, len(left), func(i int) error {
		b := left[i]
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

// put writes bytes of the space of all blocks to the files they belong to.
func (s *Set) put(out map[*File]Output, p []byte, pos int64) error {
	for f, w := range out {
		lo, hi := max(pos, f.at), min(pos+int64(len(p)), f.at+f.Size)
		if lo < hi {
			if _, err := w.WriteAt(p[lo-pos:hi-pos], lo-f.at); err != nil {
				return err
			}
		}
	}
	return nil
}
