package e2e

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// TestSameBytes exports the same images twice, the second time in reverse order.
func TestSameBytes(t *testing.T) {
	images := []pushed{pushGood(t, "same-b", "cosign2"), pushSignedIndex(t, "same-a")}
	first := ok(os.ReadFile(export(t, images)))(t)
	slices.Reverse(images)
	second := ok(os.ReadFile(export(t, images)))(t)
	if !bytes.Equal(first, second) {
		t.Errorf("two exports of the same images differ: %d and %d bytes", len(first), len(second))
	}
}

// TestPipe connects export and verify with a pipe.
func TestPipe(t *testing.T) {
	images := []pushed{pushGood(t, "piped", "cosign2")}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	exporter := exporting(t, "-", images)
	exporter.Stdout = writer
	exported := make(chan error, 1)
	go func() {
		defer writer.Close()
		exported <- succeed(exporter)
	}()
	verifier := verifying(t, "-", append(keys(), "--output", "json")...)
	verifier.Stdin = reader
	r := judge(t, "verified", verifier)
	if err := <-exported; err != nil {
		t.Fatal(err)
	}
	r.wantFailed(t)
	r.wantImages(t, images)
	if again := verify(t, "verified", export(t, images)); again.Bundle.Identity != r.Bundle.Identity {
		t.Errorf("the piped bundle is %s, the same in a file %s", r.Bundle.Identity, again.Bundle.Identity)
	}
}

// TestDeep unpacks and hashes every layer, which verify skips by default.
func TestDeep(t *testing.T) {
	file := export(t, []pushed{pushSignedIndex(t, "deep")})
	if got := verify(t, "verified", file).statuses("config.diffid"); !slices.Equal(got, []string{"skip"}) {
		t.Errorf("without --deep, config.diffid is %q, want one skip", got)
	}
	got := verify(t, "verified", file, "--deep").statuses("config.diffid")
	if len(got) == 0 || slices.ContainsFunc(got, func(status string) bool { return status != "pass" }) {
		t.Errorf("with --deep, config.diffid is %q, want pass alone", got)
	}
}
