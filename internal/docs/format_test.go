package docs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// example returns the bundle of the worked example in docs/format.md.
func example(t testing.TB) []byte {
	req := fixture.Request(t, "app-v3:v1")
	req.Tool.Version = "v0.1.0"
	return fixture.Export(t, fixture.NewRegistry(), req)
}

func formatParts() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"header fields":      headerFields,
		"header":             func(t testing.TB) string { return fenced("", dump(example(t)[:512])) },
		"entries":            entryTable,
		"index.json":         file(1),
		"inventory manifest": file(2),
		"inventory":          file(4),
		"key manifest":       keyManifest,
		"sums":               sums,
	}
}

// file returns entry i of the example, which is JSON on one line.
func file(i int) func(testing.TB) string {
	return func(t testing.TB) string { return fenced("json", string(fixture.Files(example(t))[i].Data)) }
}

func keyManifest(t testing.TB) string {
	f := fixture.Open(example(t))
	return fenced("json", string(f.Blobs[f.Inventory.Keys[0].Digest]))
}

// ustar lists the fields of a header by their POSIX names. A field whose value
// differs between entries has a description.
var ustar = []struct {
	name        string
	length      int
	description string
}{
	{"name", 100, "the name, then NULs"}, {"mode", 8, ""}, {"uid", 8, ""}, {"gid", 8, ""},
	{"size", 12, "the size of the body; see below"}, {"mtime", 12, ""},
	{"chksum", 8, "the checksum: six octal digits, NUL, space; see below"}, {"typeflag", 1, ""},
	{"linkname", 100, ""}, {"magic", 6, ""}, {"version", 2, ""}, {"uname", 32, ""}, {"gname", 32, ""},
	{"devmajor", 8, ""}, {"devminor", 8, ""}, {"prefix", 155, ""}, {"(unused)", 12, ""},
}

func headerFields(t testing.TB) string {
	h := example(t)[:512]
	rows := [][]string{{"offset", "length", "field", "value"}}
	off := 0
	for _, f := range ustar {
		value := f.description
		if value == "" {
			value = octets(h[off : off+f.length])
		}
		rows = append(rows, []string{strconv.Itoa(off), strconv.Itoa(f.length), f.name, value})
		off += f.length
	}
	if off != 512 {
		t.Errorf("the fields of a header make up %d bytes", off)
	}
	return table(rows...)
}

// octets describes a field by its text and the number of NULs after it.
func octets(b []byte) string {
	text := bytes.TrimRight(b, "\x00")
	nuls := len(b) - len(text)
	switch {
	case len(text) == 0:
		return fmt.Sprintf("%d NULs", nuls)
	case nuls == 0:
		return code(string(text))
	case nuls == 1:
		return code(string(text)) + ", NUL"
	}
	return fmt.Sprintf("`%s`, %d NULs", text, nuls)
}

// dump formats b as hexdump -C does, with repeated lines as an asterisk.
func dump(b []byte) string {
	var out strings.Builder
	last, starred := "", false
	for line := range strings.Lines(hex.Dump(b)) {
		same := last != "" && line[8:] == last
		if last = line[8:]; same {
			if !starred {
				out.WriteString("*\n")
			}
			starred = true
			continue
		}
		starred = false
		out.WriteString(line)
	}
	fmt.Fprintf(&out, "%08x\n", len(b))
	return out.String()
}

func entryTable(t testing.TB) string {
	raw := example(t)
	f := fixture.Open(raw)
	rows := [][]string{{"offset", "size", "name", "what it is"}}
	offset := 0
	for i, e := range fixture.Files(raw) {
		row := []string{strconv.Itoa(offset), strconv.Itoa(len(e.Data)), shortName(e.Name), describe(f, i, e)}
		rows = append(rows, row)
		offset += 512 + (len(e.Data)+511)/512*512
	}
	rows = append(rows, []string{strconv.Itoa(offset), "1024", "", "two zero blocks"})
	if offset+1024 != len(raw) {
		t.Errorf("entries end at %d, the file has %d bytes", offset, len(raw))
	}
	return table(rows...)
}

func shortName(name string) string {
	if rest, ok := strings.CutPrefix(name, "blobs/sha256/"); ok {
		return "`blobs/sha256/" + rest[:12] + "…`"
	}
	return code(name)
}

func describe(f *fixture.Forge, i int, e fixture.File) string {
	first := []string{"the marker", "`index.json`", "manifest of the inventory", "its config, `{}`", "the inventory"}
	if i < len(first) {
		return first[i]
	}
	d := oci.FromBytes(e.Data)
	for _, b := range f.Inventory.Blobs {
		if b.Digest != d {
			continue
		}
		var roles []string
		for _, r := range b.Roles {
			roles = append(roles, string(r))
		}
		return strings.Join(roles, ", ")
	}
	return ""
}

func sums(t testing.TB) string {
	raw := example(t)
	index := fixture.Files(raw)[1].Data
	return table([]string{"", ""},
		[]string{"size of the file", fmt.Sprintf("%d bytes", len(raw))},
		[]string{"SHA-256 of the file", fmt.Sprintf("`%x`", sha256.Sum256(raw))},
		[]string{"SHA-256 of `index.json`, the identity", fmt.Sprintf("`%x`", sha256.Sum256(index))})
}

// TestExampleIsRebuilt builds the example from the documents printed in
// format.md and the blobs in testdata, with the independent writer of package
// fixture.
func TestExampleIsRebuilt(t *testing.T) {
	printed := map[string][]byte{}
	for _, m := range generatedPart.FindAllStringSubmatch(readDocument(t, "docs/format.md"), -1) {
		body := strings.TrimSuffix(strings.TrimPrefix(m[2], "```json\n"), "\n```\n")
		printed[m[1]] = []byte(body)
	}
	f := &fixture.Forge{Blobs: fixture.NewRegistry().Blobs, KeepBlobs: true, KeepOrder: true}
	if err := json.Unmarshal(printed["inventory"], &f.Inventory); err != nil {
		t.Fatal(err)
	}
	f.Add(printed["key manifest"])
	f.Add([]byte(fixture.Key("cosign.pub").PEM()))
	if rebuilt := f.Build(); !bytes.Equal(rebuilt, example(t)) {
		t.Errorf("the file built from format.md has %d bytes and differs from the example of %d bytes",
			len(rebuilt), len(example(t)))
	}
}

// TestGNUTar runs the commands that format.md gives for GNU tar.
func TestGNUTar(t *testing.T) {
	if out, err := exec.Command("tar", "--version").Output(); err != nil || !bytes.Contains(out, []byte("GNU tar")) {
		t.Skip("tar is not GNU tar")
	}
	_, rest, ok := strings.Cut(readDocument(t, "docs/format.md"), "<!-- run: gnu-tar -->\n```sh\n")
	script, _, ended := strings.Cut(rest, "```")
	if !ok || !ended {
		t.Fatal("docs/format.md has no block gnu-tar")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.tar"), example(t), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
