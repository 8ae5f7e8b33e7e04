package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gapseal/gapseal/internal/fixture"
)

// docKeys are the private keys of the walk-through in docs/compliance.md. They are
// Ed25519 keys, whose signatures are the same each time, and each is made from 32
// times the same byte: they are not secret.
var docKeys = map[string]byte{"office-seal": 7, "station": 8, "records": 9}

func writeDocKeys(t *testing.T, dir string) {
	t.Helper()
	for name, b := range docKeys {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", der)
		if err := os.WriteFile(filepath.Join(dir, name+".pub"), fixture.PEM(key.Public()), 0o444); err != nil {
			t.Fatal(err)
		}
	}
}

// prints checks that the last program printed, on stderr and then on stdout, what a
// file of the script holds; docs/compliance.md is made from it. With UPDATE_SCRIPTS
// the file is rewritten.
func prints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: prints FILE")
	}
	got := broken.ReplaceAllString(ts.ReadFile("stderr")+ts.ReadFile("stdout"), "$1$2")
	got = strings.ReplaceAll(got, ts.Getenv("WORK"), "")
	want := ts.ReadFile(args[0])
	if unfolded(got) == unfolded(want) {
		return
	}
	if os.Getenv("UPDATE_SCRIPTS") == "" {
		ts.Fatalf("%s is out of date; run with UPDATE_SCRIPTS=1\nwant:\n%s\nfound:\n%s", args[0], want, got)
	}
	ts.Check(rewrite(filepath.Join(ts.Getenv("SCRIPTS"), ts.Name()+".txtar"), filepath.Base(args[0]), got))
}

// broken matches paths that were folded because the folder of the script has a long
// name.
var broken = regexp.MustCompile(`(?m)^(.{9}/\S{70})\n {9}(\S+)$`)

// perRun matches digests that depend on the program file and on the folder.
var perRun = regexp.MustCompile(`(?m)^(root|last|report)(\s+sha256:)[0-9a-f]{64}$`)

// unfolded removes what differs between runs, and all white space: where a line is
// folded depends on the name of the folder.
func unfolded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, perRun.ReplaceAllString(s, "$1$2"))
}

// rewrite replaces the text of a file in a script.
func rewrite(script, name, text string) error {
	a, err := txtar.ParseFile(script)
	if err != nil {
		return err
	}
	for i := range a.Files {
		if filepath.Base(a.Files[i].Name) == name {
			a.Files[i].Data = []byte(text)
		}
	}
	return os.WriteFile(script, txtar.Format(a), 0o644)
}
