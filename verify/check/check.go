// Package check is the one table of the questions gapseal asks: each has a
// stable id of the form class.question, what it asks, and what to do when the
// answer is no. Reports, tests and docs/checks.md read from it.
package check

import "strings"

// ID names a check, as class.question in lower case.
type ID string

// Class is the part of the id before the dot.
func (id ID) Class() string {
	class, _, _ := strings.Cut(string(id), ".")
	return class
}

// Question is one row of the table.
type Question struct {
	ID     ID
	Asks   string // what a pass means
	Remedy string // what an operator does about a fail
}

// Fault is one answer that is not a pass, as found by the package that
// looked. Expected and Found are empty where they would say nothing.
type Fault struct {
	ID       ID
	Subject  string // digest or name of what was looked at; empty means the bundle
	Detail   string
	Expected string
	Found    string
	Warn     bool // worth telling, no reason to reject
}

// Error makes a Fault usable as an error.
func (f *Fault) Error() string {
	s := string(f.ID) + ": " + f.Detail
	if f.Subject != "" {
		s = f.Subject + ": " + s
	}
	if f.Expected != "" || f.Found != "" {
		s += " (expected " + f.Expected + ", found " + f.Found + ")"
	}
	return s
}

// Lookup returns the row of id; ok is false for an id that no table knows.
func Lookup(id ID) (q Question, ok bool) {
	i, ok := index[id]
	if !ok {
		return Question{}, false
	}
	return Table[i], true
}

// Rank orders ids by cause: what is asked earlier explains what fails later.
func Rank(id ID) int {
	if i, ok := index[id]; ok {
		return i
	}
	return len(Table)
}

var index = func() map[ID]int {
	m := make(map[ID]int, len(Table))
	for i, q := range Table {
		m[q.ID] = i
	}
	return m
}()
