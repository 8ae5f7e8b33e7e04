package bombs

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	runBombs = flag.Bool("run-bombs", false, "run the program on every bomb and print what it takes")
	keep     = flag.String("keep-bombs", "", "also keep the bundles in this `DIR`")
)

// What the program may use, at default limits and for any file: memory in bytes, and
// processor time beyond that of hashing.
const (
	maxMemory = 256 << 20
	maxTime   = 10 * time.Second
)

// TestBombs runs the program itself, since it is the peak of its memory that counts.
func TestBombs(t *testing.T) {
	if !*runBombs {
		t.Skip("takes minutes; make e2e runs it")
	}
	gapseal := filepath.Join(t.TempDir(), "gapseal")
	if out, err := exec.Command("go", "build", "-o", gapseal, "../../cmd/gapseal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fmt.Printf("| bomb | bundle, MiB | run | peak, MiB | s | verdict |\n|---|---|---|---|---|---|\n")
	for _, b := range All() {
		t.Run(b.Name, func(t *testing.T) { explode(t, gapseal, b) })
	}
}

// runs are the ways in which each bomb is read.
var runs = [][]string{
	{"verify", "-o", "json"},
	{"verify", "--report", "html=DIR/r.html", "--report", "junit=DIR/r.xml", "--report", "csv=DIR/r.csv",
		"--report", "vsa=DIR/r.vsa"},
	{"verify", "--register", "DIR/register"},
	{"verify", "--register", "DIR/register"}, // which reads the entry before
	{"verify", "--receipt", "DIR/receipt", "--sign-report", "DIR/signer.key"},
	{"inspect"},
}

// made is what another process is asked to make: this one must stay small, since the
// system counts the memory of a process from before it begins its own program.
type made struct {
	Size  int
	Flags []string
}

// TestMake makes one bomb, in a process of its own.
func TestMake(t *testing.T) {
	dir := os.Getenv("GAPSEAL_BOMB_DIR")
	if dir == "" {
		t.Skip("TestBombs runs it")
	}
	for _, b := range All() {
		if b.Name == os.Getenv("GAPSEAL_BOMB") {
			raw, flags := b.Make(t, dir)
			write(dir, "bomb.tar", raw)
			doc, err := json.Marshal(made{len(raw), flags})
			if err != nil {
				t.Fatal(err)
			}
			write(dir, "made.json", doc)
		}
	}
}

func makeBomb(t *testing.T, dir string, b Bomb) (m made) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestMake$")
	c.Env = append(os.Environ(), "GAPSEAL_BOMB="+b.Name, "GAPSEAL_BOMB_DIR="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	doc, err := os.ReadFile(filepath.Join(dir, "made.json"))
	if err == nil {
		err = json.Unmarshal(doc, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func explode(t *testing.T, gapseal string, b Bomb) {
	dir := t.TempDir()
	if *keep != "" {
		dir = filepath.Join(*keep, strings.Map(plain, b.Name))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bomb := makeBomb(t, dir, b)
	size, flags, path := bomb.Size, bomb.Flags, filepath.Join(dir, "bomb.tar")
	if err := os.MkdirAll(filepath.Join(dir, "register"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeSigner(t, dir)
	keys, err := filepath.Abs("../../testdata/keys")
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer("KEYS/", keys+"/", "DIR/", dir+"/")
	for _, run := range runs {
		args := append([]string{}, run...)
		if run[0] == "verify" {
			args = append(args, flags...)
		}
		for i := range args {
			args[i] = replace.Replace(args[i])
		}
		used := measure(t, gapseal, append(args, path)...)
		verdict := ""
		if run[0] == "verify" && run[1] == "-o" {
			if verdict = outcome(t, used.out); verdict != b.Want {
				t.Errorf("first failed check %q, want %q: %.500s", verdict, b.Want, used.errout)
			}
		}
		fmt.Printf("| %s | %.1f | %s | %d | %.1f | %s |\n", b.Name, float64(size)/(1<<20),
			strings.Join(run[:min(2, len(run))], " "), used.memory>>20, used.time.Seconds(), verdict)
		if used.memory > maxMemory || used.time > maxTime {
			t.Errorf("%v: %d MiB, %v", run, used.memory>>20, used.time)
		}
	}
	// The largest report fits into the register.
	entries, err := filepath.Glob(filepath.Join(dir, "register", "0*.json"))
	if want := 2; err != nil || len(entries) != want && b.Want != "no report" {
		t.Errorf("%d entries in the register, %v, want %d", len(entries), err, want)
	}
}

// writeSigner writes a private key with which reports are signed.
func writeSigner(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(dir, "signer.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

type usage struct {
	out    string // file with the output
	errout []byte
	memory int64
	time   time.Duration // of the processor, in the program itself
}

func measure(t *testing.T, program string, args ...string) usage {
	t.Helper()
	c := exec.Command(program, args...)
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var errout bytes.Buffer
	c.Stdout, c.Stderr = out, &errout
	err = c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	s := c.ProcessState
	return usage{out.Name(), errout.Bytes(), s.SysUsage().(*syscall.Rusage).Maxrss << 10, s.UserTime() + s.SystemTime()}
}

// outcome returns the first failed check of a JSON report, empty for a bundle that is
// verified. It reads no more than it needs, so that this process stays small.
func outcome(t *testing.T, path string) string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	verdict, failed := "", false
	for in := bufio.NewScanner(f); in.Scan(); {
		line := in.Text()
		switch {
		case verdict == "" && strings.HasPrefix(line, `  "verdict": `):
			verdict = line
		case strings.HasPrefix(line, `  "failures": [`):
			failed = true
		case failed && strings.HasPrefix(line, `      "id": "`):
			return strings.Trim(strings.TrimPrefix(line, `      "id": `), `",`)
		}
	}
	if strings.Contains(verdict, "verified") {
		return ""
	}
	return "no report"
}
