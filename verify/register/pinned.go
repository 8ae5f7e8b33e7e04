package register

import "time"

// compare holds the tree, as it is after the last entry taken, against the
// heads of that size.
func (c *checker) compare() {
	for _, h := range c.heads {
		if h.Size != c.last {
			continue
		}
		switch when := h.At.Format(time.RFC3339); {
		case c.hole:
			c.res.fault(0, "cannot have the root in the head of %s, which pins %d entries: some are missing", when, h.Size)
		case rootText(c.tree) == h.Root && c.before.digest == h.LastEntry:
		case c.before.digest == h.LastEntry:
			c.res.fault(0, "entries 1 to %d are not those that the head of %s pins: entry %d is, so one before it was written anew", h.Size, when, h.Size)
		default:
			c.res.fault(0, "entries 1 to %d are not those that the head of %s pins: the register was written anew, from some entry up to entry %d at least", h.Size, when, h.Size)
		}
	}
}

// ahead tells of heads that pin more entries than there are.
func (c *checker) ahead() {
	for _, h := range c.heads {
		switch when := h.At.Format(time.RFC3339); {
		case h.Size == c.last+1:
			c.res.fault(h.Size, "is missing from the end: the head of %s pins %d entries, and the last one here is entry %d", when, h.Size, c.last)
		case h.Size > c.last:
			c.res.fault(c.last+1, "is missing from the end, as are all up to entry %d: the head of %s pins %d entries, and the last one here is entry %d", h.Size, when, h.Size, c.last)
		}
	}
}
