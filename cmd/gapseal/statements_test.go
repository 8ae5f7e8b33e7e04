package main

import (
	"strings"
	"testing"
)

func TestStatementName(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for id, want := range map[string]string{
		digest:           strings.Repeat("ab", 32) + "-0.json",
		digest + "#12":   strings.Repeat("ab", 32) + "-12.json",
		digest + "#":     "",
		digest + "#../x": "",
		"../../etc":      "",
		"":               "",
	} {
		got, err := statementName(id)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("statementName(%q) = %q, %v, want %q", id, got, err, want)
		}
	}
}
