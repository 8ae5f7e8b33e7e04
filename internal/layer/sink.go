package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// sink takes the unpacked bytes: it counts them against the budget, keeps
// their head, and hashes them in a goroutine of its own, for hashing costs
// about as much as unpacking. close must be called.
type sink struct {
	size   int64 // of the packed layer
	limits Limits
	budget int64
	total  int64
	head   Peek
	feed   *feed
	hash   hash.Hash
	hashed chan struct{}
}

func newSink(size int64, limits Limits) *sink {
	s := &sink{
		size:   size,
		limits: limits,
		budget: limits.budget(size),
		feed:   newFeed(),
		hash:   sha256.New(),
		hashed: make(chan struct{}),
	}
	go func() {
		defer close(s.hashed)
		_, _ = io.Copy(s.hash, s.feed) // neither end can fail
	}()
	return s
}

// Write fails with a *LimitError at the first byte too many.
func (s *sink) Write(p []byte) (int, error) {
	s.total += int64(len(p))
	if s.total > s.budget {
		return 0, s.limits.exceeded(s.size, s.total)
	}
	_, _ = s.head.Write(p)
	return s.feed.Write(p)
}

// close waits for the hash and returns the diff ID of all that was written.
func (s *sink) close() string {
	s.feed.close()
	<-s.hashed
	return "sha256:" + hex.EncodeToString(s.hash.Sum(nil))
}
