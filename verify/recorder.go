package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/verify/check"
)

// answer is a check with the image that it is about.
type answer struct {
	Check
	image int // index of the image; bundleWide for the bundle
	late  int // which way of vouching it is about: answers about later ones come last
}

// note turns a failure into a note that says why it has no consequence.
func (a *answer) note(why string) {
	a.Status, a.Remedy = check.Skip, ""
	a.Detail += " (" + why + ")"
}

const bundleWide = -1

// recorder collects answers. No answer hides another.
type recorder struct {
	answers []answer
	advise  func(*check.Fault) string // may be nil
	tally   *tally                    // of a report as a whole; nil for what is about one piece of evidence
}

// maxAlike is how many answers of one check with one status a report lists. Of the
// others it gives the number: a bundle may list thousands of images and signatures,
// and each has some twenty answers.
const maxAlike = 1_000

// tally counts the answers of a report, also those that it does not list.
type tally struct {
	alike  map[kind]*alike
	failed map[int]bool // images that an answer fails
	warned map[int]bool
}

type kind struct {
	id     check.ID
	status check.Status
}

type alike struct {
	n    int
	late int // the latest of those that are listed
}

func newTally() *tally {
	return &tally{alike: map[kind]*alike{}, failed: map[int]bool{}, warned: map[int]bool{}}
}

func (t *tally) clone() *tally {
	c := &tally{alike: make(map[kind]*alike, len(t.alike)), failed: maps.Clone(t.failed), warned: maps.Clone(t.warned)}
	for k, a := range t.alike {
		same := *a
		c.alike[k] = &same
	}
	return c
}

// count counts an answer, and reports whether it is to be listed.
func (t *tally) count(a *answer) bool {
	switch a.Status {
	case check.Fail:
		t.failed[a.image] = true
	case check.Warn:
		t.warned[a.image] = true
	}
	k := kind{a.ID, a.Status}
	if t.alike[k] == nil {
		t.alike[k] = &alike{}
	}
	same := t.alike[k]
	if same.n++; same.n > maxAlike {
		return false
	}
	same.late = max(same.late, a.late)
	return true
}

// put adds an answer that is complete.
func (r *recorder) put(a answer) {
	if r.tally == nil || r.tally.count(&a) {
		r.answers = append(r.answers, a)
	}
}

// others adds an answer for each check of which more answers were counted than are
// listed.
func (r *recorder) others() {
	byID := func(a, b kind) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.status, b.status)) }
	for _, k := range slices.SortedFunc(maps.Keys(r.tally.alike), byID) {
		if same := r.tally.alike[k]; same.n > maxAlike {
			r.answers = append(r.answers, answer{image: bundleWide, late: same.late, Check: Check{
				ID: k.id, Class: k.id.Class(), Status: k.status,
				Detail: fmt.Sprintf("and %d more like these, which are not listed", same.n-maxAlike),
			}})
		}
	}
}

func (r *recorder) add(image int, s check.Status, f check.Fault) {
	c := Check{
		ID: f.ID, Class: f.ID.Class(), Status: s, Subject: Text(f.Subject),
		Detail: f.Detail, Expected: Text(f.Expected), Found: Text(f.Found),
	}
	if s == check.Fail || s == check.Warn {
		c.Remedy = r.remedy(&f)
	}
	if q, ok := check.Lookup(f.ID); ok && c.Detail == "" {
		c.Detail = q.Asks
	}
	r.put(answer{Check: c, image: image})
}

// remedy returns what the caller advises against a fault, or else what package
// check knows.
func (r *recorder) remedy(f *check.Fault) Text {
	if r.advise != nil {
		if s := r.advise(f); s != "" {
			return Text(s)
		}
	}
	return Text(check.Remedy(f))
}

// fault records a fail, or a warn for a fault that is no reason to reject.
func (r *recorder) fault(image int, f check.Fault) {
	if f.Warn {
		r.add(image, check.Warn, f)
		return
	}
	r.add(image, check.Fail, f)
}

func (r *recorder) pass(image int, f check.Fault) { r.add(image, check.Pass, f) }

// faults records faults that other packages found in the bundle.
func (r *recorder) faults(list []*check.Fault) {
	for _, f := range list {
		r.fault(bundleWide, *f)
	}
}

// passes adds a pass for each check that found nothing or, if it could not be
// asked, a skip that says why.
func (r *recorder) passes(ids []check.ID, asked bool, why string) {
	for _, id := range ids {
		switch {
		case r.has(id, check.Fail) || r.has(id, check.Warn):
		case asked:
			r.pass(bundleWide, check.Fault{ID: id})
		default:
			r.add(bundleWide, check.Skip, check.Fault{ID: id, Detail: why})
		}
	}
}

// has reports whether the check has an answer of that status.
func (r *recorder) has(id check.ID, s check.Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.ID == id && a.Status == s })
}

// any reports whether any answer has that status.
func (r *recorder) any(s check.Status) bool {
	return slices.ContainsFunc(r.answers, func(a answer) bool { return a.Status == s })
}

// strict turns warnings into failures.
func (r *recorder) strict() {
	for i := range r.answers {
		if r.answers[i].Status == check.Warn {
			r.answers[i].Status = check.Fail
		}
	}
	maps.Copy(r.tally.failed, r.tally.warned)
}

// byCause sorts the answers, the first cause first. What is about a way of vouching
// that was tried later comes after all others.
func (r *recorder) byCause() []answer {
	slices.SortStableFunc(r.answers, func(a, b answer) int {
		return cmp.Or(cmp.Compare(a.late, b.late), cmp.Compare(check.Rank(a.ID), check.Rank(b.ID)))
	})
	return r.answers
}
