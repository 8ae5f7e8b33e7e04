package layer

import (
	"bufio"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// How much header text of a gzip layer is quoted in its findings.
const (
	maxTexts   = 4  // members
	maxTextLen = 80 // bytes of each field
)

// gunzipper unpacks the members of a gzip file (RFC 1952 section 2.2) one by
// one, because a reader of all members returns only the first header, and not
// where a member ends. Like the standard library, it refuses names and comments
// of more than 511 bytes.
type gunzipper struct {
	in      *bufio.Reader
	out     *sink
	result  *Result
	members int
	empty   int // members that unpack to nothing
	texts   int // members with text in the header
}

// gunzippers are used for many layers, since a new one costs more than a small layer.
var gunzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

func gunzip(in *bufio.Reader, out *sink, r *Result) error {
	g := &gunzipper{in: in, out: out, result: r}
	defer g.summary()
	zr := gunzippers.Get().(*gzip.Reader)
	for {
		head, _ := in.Peek(3)
		if !isGzip(head) {
			gunzippers.Put(zr) // unless it failed or panicked
			return g.rest()
		}
		if err := g.member(zr); err != nil {
			return damaged(fmt.Sprintf("gzip member %d", g.members), err)
		}
	}
}

func (g *gunzipper) member(zr *gzip.Reader) error {
	g.members++
	if err := zr.Reset(g.in); err != nil {
		return err
	}
	zr.Multistream(false)
	g.header(zr.Header)
	n, err := io.Copy(g.out, zr)
	if err == nil && n == 0 {
		g.empty++
	}
	return err
}

// header examines the fields that can hold arbitrary text. The fixed ones
// (time, system, level) have few bits and are set by ordinary tools.
func (g *gunzipper) header(h gzip.Header) {
	fields := []struct{ name, text string }{
		{"name", h.Name}, {"comment", h.Comment}, {"extra field", string(h.Extra)},
	}
	found := false
	for _, f := range fields {
		if f.text == "" {
			continue
		}
		found = true
		if g.texts < maxTexts {
			g.result.find("gzip: member %d has text in its header (%s, %d bytes): %s", g.members, f.name, len(f.text),
				quote(f.text))
		}
	}
	if found {
		g.texts++
	}
}

// quote returns the beginning of s in printable ASCII.
func quote(s string) string {
	if len(s) > maxTextLen {
		return fmt.Sprintf("%+q...", s[:maxTextLen])
	}
	return fmt.Sprintf("%+q", s)
}

// rest judges what follows the last member. RFC 1952 knows no padding, but
// gzip(1) accepts zeros, as tapes required, and they carry no information
// but their number. Zeros are a finding; everything else is an error.
func (g *gunzipper) rest() error {
	n, err := io.Copy(zeros{}, g.in)
	if err == nil && n > 0 {
		g.result.find("gzip: %d zero bytes follow the last member", n)
	}
	return err
}

// zeros is a writer that fails at the first byte that is not zero.
type zeros struct{}

func (zeros) Write(p []byte) (int, error) {
	if !isZero(p) {
		return 0, fmt.Errorf("%w: no gzip member and not zero padding", ErrTrailing)
	}
	return len(p), nil
}

func (g *gunzipper) summary() {
	if g.members > 1 {
		g.result.find("gzip: %d members where one is usual", g.members)
	}
	if g.members > 1 && g.empty > 0 {
		g.result.find("gzip: %d of %d members unpack to nothing", g.empty, g.members)
	}
	if g.texts > maxTexts {
		g.result.find("gzip: %d more members have text in their headers", g.texts-maxTexts)
	}
}
