package register

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/report"
)

// An entry holds a report of up to [MaxReport] bytes, and a register may hold many
// of them. So entries are written and read piece by piece.

const (
	piece      = 32 << 10               // bytes of a report at a time
	maxHead    = MaxEntry - 2*MaxReport // bytes of an entry before its report
	beforeText = `,"report":"`
	tail       = `,"digest":"%s"}` + "\n"
	tailSize   = len(tail) - len("%s") + len("sha256:") + 64
)

var errSpelling = errors.New("is not spelled as gapseal writes an entry")

// spell writes the file of an entry in its one spelling. e.Report and e.Digest are
// not read: doc is the report, and the digest is computed.
func spell(w io.Writer, e *Entry, doc io.Reader) error {
	bare := *e
	bare.Report, bare.Digest = "", ""
	head, err := strict.Marshal(&bare) // which ends with an empty report
	if err != nil {
		return err
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	if _, err := out.Write(head[:len(head)-len(`"}`)]); err != nil {
		return err
	}
	if err := quote(out, doc); err != nil {
		return err
	}
	if _, err := io.WriteString(out, `"`); err != nil {
		return err
	}
	sum.Write([]byte("}"))
	_, err = fmt.Fprintf(w, tail, textOf(sum))
	return err
}

func textOf(h hash.Hash) string { return string(oci.FromSum([sha256.Size]byte(h.Sum(nil)))) }

// quote writes what it reads as a JSON string, without the quotes around it.
func quote(w io.Writer, in io.Reader) error {
	text := make([]byte, piece)
	var quoted []byte
	for have := 0; ; {
		n, readErr := in.Read(text[have:])
		have += n
		whole := have
		if readErr == nil {
			whole = wholeRunes(text[:have])
		}
		var err error
		if quoted, err = jsontext.AppendQuote(quoted[:0], text[:whole]); err != nil {
			return err
		}
		if _, err := w.Write(quoted[1 : len(quoted)-1]); err != nil {
			return err
		}
		have = copy(text, text[whole:have])
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return readErr
		}
	}
}

// wholeRunes returns how many bytes of b are before a character that is cut off.
func wholeRunes(b []byte) int {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				break
			}
			return i
		}
	}
	return len(b)
}

// scanned is what is known of an entry after its file was read once. The entry is
// without its report.
type scanned struct {
	entry  *Entry
	digest string    // of the file
	leaf   tlog.Hash // of the file
}

// scanEntry reads an entry without keeping its file or its report in memory. It
// accepts only what [Register.Get] accepts, and its error does not say what is wrong.
func (r *Register) scanEntry(number int64) (*scanned, error) {
	f, size, err := r.open(number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > MaxEntry || size < int64(tailSize) {
		return nil, errSpelling
	}
	s, err := scan(f, size)
	if err == nil {
		err = s.entry.placed(number)
	}
	return s, err
}

// scan reads the file of an entry, of which size is known.
func scan(in io.Reader, size int64) (*scanned, error) {
	file, leaf, self := sha256.New(), sha256.New(), sha256.New()
	leaf.Write([]byte{0}) // as tlog.RecordHash does
	all := io.TeeReader(in, io.MultiWriter(file, leaf))
	body := io.TeeReader(io.LimitReader(all, size-int64(tailSize)), self)
	e, err := scanBody(bufio.NewReaderSize(body, 2*piece))
	if err != nil {
		return nil, err
	}
	self.Write([]byte("}"))
	rest, err := io.ReadAll(io.LimitReader(all, int64(tailSize)+1))
	if err != nil {
		return nil, err
	}
	if string(rest) != fmt.Sprintf(tail, textOf(self)) {
		return nil, errSpelling
	}
	return &scanned{e, textOf(file), tlog.Hash(leaf.Sum(nil))}, nil
}

// scanBody reads an entry up to the end of its report.
func scanBody(in *bufio.Reader) (*Entry, error) {
	e, err := scanHead(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	rep, err := report.Outline(io.TeeReader(&unquoter{in: in}, sum))
	if err != nil {
		return nil, err
	}
	if textOf(sum) != e.ReportDigest {
		return nil, errSpelling
	}
	return e, e.agrees(rep)
}

// scanHead reads what is before the report. In JSON, what it looks for is in no
// string.
func scanHead(in *bufio.Reader) (*Entry, error) {
	var head []byte
	for !bytes.HasSuffix(head, []byte(beforeText)) {
		part, err := in.ReadSlice('"')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if head = append(head, part...); len(head) > maxHead {
			return nil, errSpelling
		}
	}
	head = append(head, `"}`...)
	e := &Entry{}
	if err := strict.UnmarshalKnown(head, e); err != nil {
		return nil, err
	}
	again, err := strict.Marshal(e)
	if err != nil {
		return nil, err
	}
	if e.Schema != Schema || !bytes.Equal(head, again) {
		return nil, errSpelling
	}
	return e, e.checkMembers()
}

// unquoter reads the text of a JSON string that ends where in ends. Any other
// spelling than that of [quote] is an error.
type unquoter struct {
	in                   *bufio.Reader
	text                 []byte // what is still to be read
	plain, quoted, again []byte // buffers
	ended                bool
}

func (u *unquoter) Read(p []byte) (int, error) {
	for len(u.text) == 0 {
		if u.ended {
			return 0, io.EOF
		}
		if err := u.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.text)
	u.text = u.text[n:]
	return n, nil
}

func (u *unquoter) next() (err error) {
	part, err := u.in.Peek(piece)
	switch {
	case errors.Is(err, io.EOF):
		u.ended = true
		if !bytes.HasSuffix(part, []byte(`"`)) {
			return errSpelling
		}
		part = part[:len(part)-1]
	case err != nil:
		return err
	default:
		part = part[:wholeEscapes(part)]
	}
	u.quoted = append(append(append(u.quoted[:0], '"'), part...), '"')
	if u.plain, err = jsontext.AppendUnquote(u.plain[:0], u.quoted); err != nil {
		return err
	}
	if u.again, err = jsontext.AppendQuote(u.again[:0], u.plain); err != nil {
		return err
	}
	if !bytes.Equal(u.again, u.quoted) {
		return errSpelling
	}
	u.text = u.plain
	_, err = u.in.Discard(len(part))
	return err
}

// wholeEscapes returns how many bytes of a string are before a character or an escape
// that is cut off.
func wholeEscapes(b []byte) int {
	for i := 0; ; {
		next := bytes.IndexByte(b[i:], '\\')
		if next < 0 {
			return i + wholeRunes(b[i:])
		}
		i += next
		length := 2
		if i+1 < len(b) && b[i+1] == 'u' {
			length = 6
		}
		if i+length > len(b) {
			return i
		}
		i += length
	}
}
