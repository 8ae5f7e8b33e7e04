package verify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// fieldCount counts what TestEveryField has tried.
type fieldCount struct {
	mu        sync.Mutex
	documents int
	fields    map[string]bool
	mutations int
	same      int // changes that give the same bundle, or none
	rejected  map[string]int
	excepted  map[string]int  // by reason
	used      map[string]bool // rows and kinds
	harmful   map[string]bool
}

func newFieldCount() *fieldCount {
	return &fieldCount{fields: map[string]bool{}, rejected: map[string]int{}, excepted: map[string]int{}, used: map[string]bool{}, harmful: map[string]bool{}}
}

// report prints the counts and fails for exceptions that are not needed.
func (c *fieldCount) report(t *testing.T) {
	for i, e := range exceptions {
		if stride > 1 {
			break // a sample may not need all of them
		}
		for _, kind := range strings.Fields(e.kinds) {
			if !c.used[fmt.Sprint(i, kind)] {
				t.Errorf("exception %d (%s %s, %s) never occurs: %s", i, e.document, e.path, e.reason, kind)
			}
		}
	}
	rejected, excepted := 0, 0
	for _, id := range slices.Sorted(maps.Keys(c.rejected)) {
		t.Logf("%6d rejected, first by %s", c.rejected[id], id)
		rejected += c.rejected[id]
	}
	for _, reason := range slices.Sorted(maps.Keys(c.excepted)) {
		t.Logf("%6d verified: %s", c.excepted[reason], reason)
		excepted += c.excepted[reason]
	}
	t.Logf("every field: %d documents, %d fields, %d mutations, one in %d tried: %d rejected, %d excepted, %d with the same bundle as result, %d not expected",
		c.documents, len(c.fields), c.mutations, stride, rejected, excepted, c.same, c.mutations-rejected-excepted-c.same)
}

// summary is what a report says about images and their signatures, except for the
// digests of the manifests that hold the signatures. If reference is not empty, it
// replaces the references.
func summary(images []verify.Image, reference string) (all []string) {
	for _, img := range images {
		if reference != "" {
			img.ClaimedReference = reference
		}
		img.Evidence = nil
		img.Signatures = slices.Clone(img.Signatures)
		for i := range img.Signatures {
			img.Signatures[i].Digest = ""
			all = append(all, rekorBundle(&img.Signatures[i]))
		}
		text, err := json.Marshal(img)
		all = append(all, fmt.Sprint(string(text), err))
	}
	return all
}

// rekorBundle is the log entry in the cosign-style output, in one spelling.
func rekorBundle(s *verify.Signature) string {
	v := jsontext.Value(slices.Clone(s.RekorBundle()))
	return fmt.Sprint(v.Canonicalize(), v)
}

func warns(rep *verify.Report, id string) bool { return slices.Contains(fixture.Warned(rep), id) }
