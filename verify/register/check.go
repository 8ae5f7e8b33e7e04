package register

import (
	"context"
	"errors"
	"io/fs"
)

// Check reads all entries in order and says what is wrong with each, with their
// chain, and with the folder. Each head is compared with the tree at its size.
// What is wrong stands in the Result and is no error: ask [Result.Whole]. The
// error is the operating system's or ctx's.
func (r *Register) Check(ctx context.Context, heads ...Head) (*Result, error) {
	return r.scan(ctx, heads, func(*Entry) error { return nil })
}

// scan checks the register and hands each sound entry to visit, in memory for
// one entry at a time.
func (r *Register) scan(ctx context.Context, heads []Head, visit func(*Entry) error) (*Result, error) {
	l, err := r.list()
	if err != nil {
		return nil, err
	}
	c := newChecker(heads, visit)
	for _, n := range l.numbers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raw, err := r.read(n)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // as if it had not been listed: the next one tells of the gap
		case errors.Is(err, errNotRegular):
			err = c.spoilt(n, errNotRegular)
		case err == nil:
			err = c.place(n, raw)
		}
		if err != nil {
			return nil, err
		}
	}
	c.res.Strays, c.res.Strayed, c.res.Partial = append(c.res.Strays, l.strays...), l.strayed, len(l.partial)
	return c.end(), nil
}

// damaged turns faults of entries into an error. A stray file is in nobody's
// way: only a check complains of it.
func (r *Register) damaged(res *Result) error {
	if res.Faulty == 0 {
		return nil
	}
	return &DamagedError{r.dir, &res.Faults[0], res.Faulty}
}
