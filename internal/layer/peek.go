package layer

// Peek keeps the first [HeadSize] bytes written to it and lets the rest go,
// for a look at the magic bytes without unpacking. The zero Peek is ready.
type Peek struct {
	head [HeadSize]byte
	n    int
}

// Write takes all of p and never fails.
func (p *Peek) Write(b []byte) (int, error) {
	p.n += copy(p.head[p.n:], b)
	return len(b), nil
}

// Head returns the bytes kept, fewer than [HeadSize] only when no more were
// written.
func (p *Peek) Head() []byte { return p.head[:p.n] }

// Format is [Sniff] of what was kept.
func (p *Peek) Format() Format { return Sniff(p.Head()) }
