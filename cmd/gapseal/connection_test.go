package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestWaitsAreNotRepeated wants several transfers that wait for one host to be one
// line.
func TestWaitsAreNotRepeated(t *testing.T) {
	var out, later bytes.Buffer
	var s speaker
	s.to(&out)
	for range 3 {
		s.wait("an answer of r.example", 10*time.Second)
		s.wait("an answer of q.example\x1b[2J", 10*time.Second)
	}
	want := "gapseal: waiting for an answer of r.example (10s so far)\n" +
		"gapseal: waiting for an answer of q.example\\x1b[2J (10s so far)\n"
	if got := out.String(); got != want {
		t.Errorf("got %s", got)
	}
	s.to(&later)
	s.note("r.example refused the stored credentials")
	if got := later.String(); !strings.HasPrefix(got, "gapseal: note: r.example") {
		t.Errorf("got %s", got)
	}
}
