package atomicfile

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const childEnv = "GAPSEAL_ATOMICFILE_CHILD"

// TestMain runs as the process that is killed, if the environment says so.
func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		writeHalfAndHang(path)
	}
	os.Exit(m.Run())
}

func writeHalfAndHang(path string) {
	f, err := Create(path)
	if err == nil {
		_, err = f.Write([]byte("half"))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(f.Name())
	select {}
}

func startChild(t *testing.T, path string) (cmd *exec.Cmd, partial string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatal("the child printed nothing")
	}
	return cmd, line.Text()
}

func TestNextCreateRemovesFilesOfKilledProcess(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	write(t, path, "old", 0o644)
	child, partial := startChild(t, path)

	if err := mustCreate(t, path).Abort(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, partial, "half") // the child still runs, so its file stays

	_ = child.Process.Kill() // SIGKILL where there are signals
	_ = child.Wait()
	wantContent(t, path, "old")
	wantNames(t, dir, filepath.Base(partial), "out.tar")

	if err := mustCreate(t, path).Commit(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "out.tar")
}

func TestOnlyStalePartialsOfTheSameNameAreRemoved(t *testing.T) {
	dir := t.TempDir()
	stay := []string{
		".a.tar.0123.partial", ".a.tar.bak.0123456789abcdef.partial",
		".a.tar.zzzzzzzzzzzzzzzz.partial", ".b.tar.0123456789abcdef.partial",
	}
	for _, name := range stay {
		write(t, filepath.Join(dir, name), "x", 0o600)
	}
	write(t, filepath.Join(dir, ".a.tar.0123456789abcdef.partial"), "stale", 0o600)
	write(t, filepath.Join(dir, ".a.tar.fedcba9876543210.partial"), "stale", 0o600)
	if err := mustCreate(t, filepath.Join(dir, "a.tar")).Abort(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, stay...)
}
