package register

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// exported returns the lines of an export of files, the index first.
func exported(t testing.TB, files [][]byte) [][]byte {
	t.Helper()
	var b bytes.Buffer
	h, err := folder(t, files).Export(t.Context(), &b, start)
	if err != nil || h.Size != int64(len(files)) {
		t.Fatalf("Export: %+v, %v", h, err)
	}
	return slices.Collect(bytes.Lines(b.Bytes()))
}

func judgeExport(t *testing.T, lines [][]byte, heads ...Head) *Result {
	t.Helper()
	res, err := CheckExport(t.Context(), bytes.NewReader(bytes.Join(lines, nil)), heads...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestExport(t *testing.T) {
	files := chain(t, few, nil)
	lines := exported(t, files)
	if !bytes.Equal(bytes.Join(lines[1:], nil), bytes.Join(files, nil)) {
		t.Error("the lines after the first are not the entries, byte for byte")
	}
	head := headOf(t, files)
	res := judgeExport(t, lines, head)
	if !res.Whole() || res.Entries != few || res.Root != head.Root || res.Heads != 1 {
		t.Errorf("CheckExport: %+v", res)
	}
	if res := judgeExport(t, exported(t, nil)); !res.Whole() || res.Entries != 0 || res.LastEntry != nothing {
		t.Errorf("CheckExport of no entries: %+v", res)
	}
}

func TestEveryLineOfAnExport(t *testing.T) {
	lines := exported(t, chain(t, few, nil))
	for n := 1; n <= few; n++ {
		without := judgeExport(t, slices.Delete(slices.Clone(lines), n, n+1))
		if n < few {
			demand(t, "a line removed", without, int64(n), 0)
		} else {
			demand(t, "the last line removed", without, 0) // the first line shows it
		}
		edited := slices.Clone(lines)
		edited[n] = bytes.Replace(lines[n], []byte(`"v1"`), []byte(`"v2"`), 1)
		want := []int64{int64(n), 0} // the root differs
		demand(t, "a line edited", judgeExport(t, edited), want...)
		twice := slices.Insert(slices.Clone(lines), n, lines[n])
		if res := judgeExport(t, twice); res.Whole() || res.Faults[0].Number != int64(n+1) {
			t.Errorf("line %d twice: %+v", n, res)
		}
	}
}

func TestOtherFilesAreNotExports(t *testing.T) {
	lines := exported(t, chain(t, 2, nil))
	for name, raw := range map[string]string{
		"nothing":      "",
		"an entry":     string(lines[1]),
		"a long line":  strings.Repeat(" ", maxIndex) + string(lines[0]),
		"another form": strings.Replace(string(lines[0]), ExportSchema, HeadSchema, 1),
	} {
		if _, err := CheckExport(t.Context(), strings.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "not an export of a register") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A damaged register is not exported: the export would look whole.
func TestADamagedRegisterIsNotExported(t *testing.T) {
	files := chain(t, few, nil)
	files[2] = nil
	var (
		b       bytes.Buffer
		damaged *DamagedError
	)
	if _, err := folder(t, files).Export(t.Context(), &b, start); !errors.As(err, &damaged) || damaged.First.Number != 3 || b.Len() > 0 {
		t.Errorf("Export: %v, wrote %d bytes", err, b.Len())
	}
}
