package register

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Result is what a check of a register found.
type Result struct {
	Entries   int64    `json:"entries"`   // found
	Root      string   `json:"root"`      // of the Merkle tree over them, "" if one is missing
	LastEntry string   `json:"lastEntry"` // SHA-256 of the last one's file
	Heads     int      `json:"heads"`     // how many heads it was compared with
	Faults    []Fault  `json:"faults"`
	Faulty    int      `json:"faulty"` // how many faults there are, listed or not
	Strays    []string `json:"strays"` // files that are no part of a register
	Strayed   int      `json:"strayed"`
	Partial   int      `json:"partial"` // files that interrupted writers left; harmless
}

// Whole reports whether there are neither faults nor strays.
func (r *Result) Whole() bool { return r.Faulty+r.Strayed == 0 }

func (r *Result) fault(number int64, format string, args ...any) {
	if r.Faulty++; r.Faulty <= maxFaults {
		r.Faults = append(r.Faults, Fault{number, fmt.Sprintf(format, args...)})
	}
}

// Check reads all entries in order and reports what is wrong with each, with
// their chain, and with the folder. It compares each head with the register at
// the head's size. What is wrong is in the Result and is not an error: see
// [Result.Whole]. The error is that of ctx or of the operating system.
func (r *Register) Check(ctx context.Context, heads ...Head) (*Result, error) {
	return r.scan(ctx, heads, func(*Entry) error { return nil })
}

// scan checks the register and calls visit with each sound entry. It keeps
// nothing of an entry's report in memory, and visit gets none.
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
		if e, err := r.scanEntry(n); err == nil {
			if err := c.judge(n, seen{e.digest, true}, e.leaf, e.entry, nil); err != nil {
				return nil, err
			}
			continue
		}
		raw, err := r.read(n) // to say what is wrong with it
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // removed since it was listed: the next entry shows the gap
		case errors.Is(err, errNotRegular):
			err = c.unreadable(n, errNotRegular)
		case err == nil:
			err = c.place(n, raw)
		}
		if err != nil {
			return nil, err
		}
	}
	c.res.Strays = append(c.res.Strays, l.strays...)
	c.res.Strayed = l.strayed
	c.res.Partial = len(l.partial)
	return c.end(), nil
}

// damaged turns faults of entries into an error. Stray files do no harm to
// reading and writing: only a check reports them.
func (r *Register) damaged(res *Result) error {
	if res.Faulty == 0 {
		return nil
	}
	return &DamagedError{r.dir, &res.Faults[0], res.Faulty}
}

// checker takes entries in order and keeps what the next one is compared with.
type checker struct {
	res      *Result
	heads    []Head
	visit    func(*Entry) error
	tree     tree
	hole     bool // an entry is missing, so there is no root any more
	previous seen
	last     int64 // the number of the last entry taken

	// unfit is the number of an entry whose hash the next one does not name. Which
	// of the two is wrong is known once the entry after them is read.
	unfit int64
}

// seen is what is kept of an entry. It is sound if it has no fault of its own,
// whatever its place in the chain.
type seen struct {
	digest string
	sound  bool
}

func newChecker(heads []Head, visit func(*Entry) error) *checker {
	return &checker{
		res:      &Result{Faults: []Fault{}, Strays: []string{}, Heads: len(heads)},
		heads:    heads,
		visit:    visit,
		previous: seen{nothing, true},
	}
}

// place takes the file of entry n.
func (c *checker) place(n int64, raw []byte) error {
	e, err := parseNumbered(n, raw)
	return c.judge(n, seen{digestOf(raw), err == nil}, tlog.RecordHash(raw), e, err)
}

// judge takes entry n, given the hash of its file in the tree, and its own fault.
func (c *checker) judge(n int64, now seen, leaf tlog.Hash, e *Entry, fault error) error {
	c.gap(n)
	c.take(n, leaf)
	if fault != nil {
		c.undecided()
		c.res.fault(n, "%v", fault)
	} else {
		c.link(e)
	}
	c.previous = now
	c.compare()
	if fault != nil {
		return nil
	}
	return c.visit(e)
}

// unreadable takes an entry that has no bytes.
func (c *checker) unreadable(n int64, why error) error {
	c.gap(n)
	c.take(n, tlog.RecordHash(nil))
	c.undecided()
	c.res.fault(n, "%v", why)
	c.previous = seen{}
	c.compare()
	return nil
}

func (c *checker) take(n int64, leaf tlog.Hash) {
	c.last = n
	c.res.Entries++
	c.tree.add(leaf)
}

// gap reports the entries that are missing before n.
func (c *checker) gap(n int64) {
	from, to := c.last+1, n-1
	if from > to {
		return
	}
	c.undecided()
	if from == to {
		c.res.fault(from, "is missing, and entries after it are there: it was removed")
	} else {
		c.res.fault(from, "is missing, as are all up to entry %d, and entries after them are there: "+
			"they were removed", to)
	}
	c.hole = true
	c.previous = seen{}
}

// link compares the hash that a sound entry names with that of the previous
// entry.
func (c *checker) link(e *Entry) {
	n := e.Number
	if !c.previous.sound || n == 1 { // the previous one has its own fault, or there is none
		return
	}
	fits := e.Previous == c.previous.digest
	undecided := c.unfit > 0 && c.unfit == n-2
	switch {
	case fits && undecided:
		c.res.fault(n-2, "was rewritten, perhaps with others before it: "+
			"entries %d and %d fit each other, and not it", n-1, n)
	case fits:
		return
	case undecided:
		c.res.fault(n-1, "was rewritten or comes from another register: "+
			"it fits neither the entry before it nor the one after it")
	default:
		c.unfit = n - 1
		return
	}
	c.unfit = 0
}

// undecided reports two entries that do not fit each other when no further entry
// can show which of them is wrong.
func (c *checker) undecided() {
	if c.unfit > 0 {
		c.res.fault(c.unfit, "does not fit entry %d: "+
			"one of the two was rewritten or comes from another register", c.unfit+1)
	}
	c.unfit = 0
}

func (c *checker) end() *Result {
	c.undecided()
	c.ahead()
	slices.SortStableFunc(c.res.Faults, func(a, b Fault) int { return cmp.Compare(place(a), place(b)) })
	c.res.LastEntry = c.previous.digest
	if !c.hole {
		c.res.Root = rootText(c.tree)
	}
	return c.res
}

// place orders faults by entry. A fault without an entry comes last.
func place(f Fault) int64 {
	if f.Number == 0 {
		return math.MaxInt64
	}
	return f.Number
}

// compare compares the heads of the present size with the tree.
func (c *checker) compare() {
	for _, h := range c.heads {
		if h.Size != c.last {
			continue
		}
		when := h.At.Format(time.RFC3339)
		switch sameLast := c.previous.digest == h.LastEntry; {
		case c.hole:
			c.res.fault(0, "cannot have the root in the head of %s, which pins %d entries: "+
				"some are missing", when, h.Size)
		case sameLast && rootText(c.tree) == h.Root:
		case sameLast:
			c.res.fault(0, "entries 1 to %d are not those that the head of %s pins: "+
				"entry %d is, so an earlier one was rewritten", h.Size, when, h.Size)
		default:
			c.res.fault(0, "entries 1 to %d are not those that the head of %s pins: "+
				"the register was rewritten, from some entry up to entry %d at least", h.Size, when, h.Size)
		}
	}
}

// ahead reports heads that pin more entries than there are.
func (c *checker) ahead() {
	for _, h := range c.heads {
		when := h.At.Format(time.RFC3339)
		switch {
		case h.Size == c.last+1:
			c.res.fault(h.Size, "is missing from the end: "+
				"the head of %s pins %d entries, and the last one here is entry %d", when, h.Size, c.last)
		case h.Size > c.last:
			c.res.fault(c.last+1, "is missing from the end, as are all up to entry %d: "+
				"the head of %s pins %d entries, and the last one here is entry %d", h.Size, when, h.Size, c.last)
		}
	}
}
