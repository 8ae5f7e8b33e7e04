package bundle

import (
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

var testLimits = oci.DefaultLimits()

func TestWarningsDoNotCrowdOutWhatRejects(t *testing.T) {
	var l faultList
	for range 1000 {
		l.add(&check.Fault{ID: check.ManifestMediaType, Warn: true})
	}
	if l.has(check.ManifestMediaType) {
		t.Error("a warning counts as what rejects")
	}
	l.add(&check.Fault{ID: check.ManifestMediaType})
	if !l.has(check.ManifestSize, check.ManifestMediaType) {
		t.Error("has does not find the fault that rejects")
	}
	warns, fails := 0, 0
	for _, f := range l.list() {
		if f.Warn {
			warns++
		} else {
			fails++
		}
	}
	if warns != maxPerKind+1 || fails != 1 {
		t.Errorf("%d warnings and %d failures, want %d and 1", warns, fails, maxPerKind+1)
	}
}
