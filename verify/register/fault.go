package register

import (
	"fmt"
)

// Fault is what is wrong with a register at one place. Number is that of the
// entry, of the first one if several are missing, and 0 if no single entry can
// be named.
type Fault struct {
	Number  int64  `json:"number"`
	Problem string `json:"problem"`
}

// Error names the entry and what is wrong with it.
func (f *Fault) Error() string {
	if f.Number == 0 {
		return "the register: " + f.Problem
	}
	return fmt.Sprintf("entry %d: %s", f.Number, f.Problem)
}

// DamagedError says that a register is not as it was written, so that nothing
// is read from it and nothing added.
type DamagedError struct {
	Dir    string
	First  *Fault
	Faults int
}

// Error names the first fault, and how to see all of them.
func (e *DamagedError) Error() string {
	more := ""
	if e.Faults > 1 {
		more = fmt.Sprintf(" (and %d more)", e.Faults-1)
	}
	return fmt.Sprintf("the register %s is damaged: %v%s\nSee all of it: gapseal register check %s\nKeep it as evidence, and begin a new one in an empty folder when it is clear what happened.", e.Dir, e.First, more, e.Dir)
}

// Result is what a check of a register found.
type Result struct {
	Entries   int64    `json:"entries"`   // found
	Root      string   `json:"root"`      // of the Merkle tree over them, "" if one is missing
	LastEntry string   `json:"lastEntry"` // SHA-256 of the last one's file
	Heads     int      `json:"heads"`     // compared with
	Faults    []Fault  `json:"faults"`
	Faulty    int      `json:"faulty"` // how many faults there are, also when not all are listed
	Strays    []string `json:"strays"` // files that are no part of a register
	Strayed   int      `json:"strayed"`
	Partial   int      `json:"partial"` // files that interrupted writers left; harmless
}

// Whole reports whether nothing was found that does not belong, and nothing is
// known to be missing.
func (r *Result) Whole() bool { return r.Faulty+r.Strayed == 0 }

func (r *Result) fault(number int64, format string, args ...any) {
	if r.Faulty++; r.Faulty <= maxFaults {
		r.Faults = append(r.Faults, Fault{number, fmt.Sprintf(format, args...)})
	}
}
