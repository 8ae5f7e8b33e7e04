package report

import (
	"errors"
	"slices"
	"testing"

	"github.com/gapseal/gapseal/verify"
)

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// In every format, a failed write is an error.
func TestAFailedWriteIsAnError(t *testing.T) {
	rep := sample(t, "app:v1")
	for _, f := range append(slices.Clone(Formats), Format{Name: "cosign", Write: Cosign}) {
		if err := f.Write(broken{}, rep); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := Encode(broken{}, make(chan int)); err == nil || errors.Is(err, errBroken) {
		t.Errorf("Encode of what cannot be encoded: %v", err)
	}
	if err := VSA(broken{}, &verify.Report{}); !errors.Is(err, errNoSubject) {
		t.Errorf("VSA of nothing: %v", err)
	}
}
