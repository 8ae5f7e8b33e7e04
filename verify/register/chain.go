package register

import (
	"cmp"
	"math"
	"slices"
)

// checker takes entries in order and keeps what the next one is held against.
type checker struct {
	res    *Result
	heads  []Head
	visit  func(*Entry) error
	tree   tree
	hole   bool // an entry is missing, so there is no root any more
	before seen
	last   int64 // the number of the last entry taken

	// unfit is an entry that the one after it does not name. Which of the two is
	// to blame shows when one more is read.
	unfit int64
}

// seen is what is kept of an entry: sound means that nothing is wrong with it
// in itself.
type seen struct {
	digest string
	sound  bool
}

func newChecker(heads []Head, visit func(*Entry) error) *checker {
	return &checker{
		res:   &Result{Faults: []Fault{}, Strays: []string{}, Heads: len(heads)},
		heads: heads, visit: visit, before: seen{nothing, true},
	}
}

// place takes the file that stands at the place of entry n.
func (c *checker) place(n int64, raw []byte) error {
	c.gap(n)
	c.take(n, raw)
	e, err := parseNumbered(n, raw)
	now := seen{digestOf(raw), err == nil}
	if err != nil {
		c.unsettled()
		c.res.fault(n, "%v", err)
	} else {
		c.link(e)
	}
	c.before = now
	c.compare()
	if err != nil {
		return nil
	}
	return c.visit(e)
}

// spoilt takes an entry that has no bytes to be read.
func (c *checker) spoilt(n int64, why error) error {
	c.gap(n)
	c.take(n, nil)
	c.unsettled()
	c.res.fault(n, "%v", why)
	c.before = seen{}
	c.compare()
	return nil
}

func (c *checker) take(n int64, raw []byte) {
	c.last = n
	c.res.Entries++
	c.tree.add(raw)
}

// gap tells of entries that are missing before n.
func (c *checker) gap(n int64) {
	from, to := c.last+1, n-1
	if from > to {
		return
	}
	c.unsettled()
	if from == to {
		c.res.fault(from, "is missing, and entries after it are there: it was removed")
	} else {
		c.res.fault(from, "is missing, as are all up to entry %d, and entries after them are there: they were removed", to)
	}
	c.hole, c.before = true, seen{}
}

// link holds a sound entry against the one before it.
func (c *checker) link(e *Entry) {
	n := e.Number
	fits := e.Previous == c.before.digest
	switch {
	case !c.before.sound || n == 1: // the one before has its own fault, or is none
		return
	case fits && c.unfit == n-2 && c.unfit > 0:
		c.res.fault(n-2, "was written anew, perhaps with others before it: entries %d and %d fit each other, and not it", n-1, n)
	case fits:
		return
	case c.unfit == n-2 && c.unfit > 0:
		c.res.fault(n-1, "was written anew or comes from another register: it fits neither the entry before it nor the one after it")
	default:
		c.unfit = n - 1
		return
	}
	c.unfit = 0
}

// unsettled tells of two entries that do not fit, when nothing more is to be
// learned about them.
func (c *checker) unsettled() {
	if c.unfit > 0 {
		c.res.fault(c.unfit, "does not fit entry %d: one of the two was written anew or comes from another register", c.unfit+1)
	}
	c.unfit = 0
}

func (c *checker) end() *Result {
	c.unsettled()
	c.ahead()
	slices.SortStableFunc(c.res.Faults, func(a, b Fault) int { return cmp.Compare(place(a), place(b)) })
	c.res.LastEntry = c.before.digest
	if !c.hole {
		c.res.Root = rootText(c.tree)
	}
	return c.res
}

// place orders faults by entry; what no entry is named for comes last.
func place(f Fault) int64 {
	if f.Number == 0 {
		return math.MaxInt64
	}
	return f.Number
}
