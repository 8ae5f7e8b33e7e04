package register

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// writerEnv makes this test binary a writer to the register that it names. The
// writer prints each number once its entry is written.
const writerEnv = "GAPSEAL_TEST_WRITER"

func TestMain(m *testing.M) {
	dir, many := os.Getenv(writerEnv), 1<<30
	if dir == "" {
		os.Exit(m.Run())
	}
	if len(os.Args) > 1 {
		many, _ = strconv.Atoi(os.Args[1])
	}
	if err := keepWriting(dir, many); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func keepWriting(dir string, many int) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	rec := sample(1)
	rec.Report = append(rec.Report, bytes.Repeat([]byte(" \n"), 8<<10)...) // so that writing takes a while
	for range many {
		n, err := r.Append(context.Background(), rec)
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

// writer starts a process that writes to the register.
func writer(t *testing.T, dir string, args ...string) (*exec.Cmd, *bufio.Scanner, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), writerEnv+"="+dir, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), stderr
}

// killed starts a writer, kills it at some moment of its work, and returns the
// last number that it printed.
func killed(t *testing.T, dir string, reported int64) int64 {
	t.Helper()
	cmd, lines, stderr := writer(t, dir)
	read := func() {
		reported, _ = strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64)
	}
	if lines.Scan() { // it has begun
		read()
	}
	time.Sleep(time.Duration(rand.IntN(8000)) * time.Microsecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		read()
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the writer ended by itself: %v, %s", err, stderr)
	}
	return reported
}

// A writer is killed 200 times, at any moment. Each time every entry that it
// reported is there, every entry is sound and follows the one before it, and the
// next writer continues.
func TestKilledWritersLoseNothing(t *testing.T) {
	r := folder(t, nil)
	var last, left int
	previous := nothing
	for range 200 {
		reported := killed(t, r.dir, int64(last))
		l, err := r.list()
		if err != nil || l.last() < reported || int64(len(l.numbers)) != l.last() {
			t.Fatalf("%d entries up to %d, %v; the writer reported %d", len(l.numbers), l.last(), err, reported)
		}
		left += len(l.partial)
		for ; last < len(l.numbers); last++ {
			e, raw, err := r.Get(int64(last + 1))
			if err != nil || e.Previous != previous {
				t.Fatalf("entry %d: %v, follows %s, want %s", last+1, err, e.Previous, previous)
			}
			previous = digestOf(raw)
		}
	}
	res, err := r.Check(t.Context())
	if err != nil || !res.Whole() || res.Entries != int64(last) {
		t.Errorf("Check: %+v, %v", res, err)
	}
	t.Logf("200 writers killed: %d entries, %d files left half written and cleared by the next writer", last, left)
}

func TestConcurrentProcessesKeepOneChain(t *testing.T) {
	const processes, each = 4, 25
	r := folder(t, nil)
	reported := map[string]bool{}
	var cmds []*exec.Cmd
	var outs []*bufio.Scanner
	for range processes {
		cmd, lines, _ := writer(t, r.dir, strconv.Itoa(each))
		cmds, outs = append(cmds, cmd), append(outs, lines)
	}
	for i, lines := range outs {
		for lines.Scan() {
			reported[lines.Text()] = true
		}
		if err := cmds[i].Wait(); err != nil {
			t.Error(err)
		}
	}
	res, err := r.Check(t.Context())
	if err != nil || !res.Whole() || res.Entries != processes*each || len(reported) != processes*each {
		t.Errorf("Check: %+v, %v; %d numbers were reported", res, err, len(reported))
	}
}
