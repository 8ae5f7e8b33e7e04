package report

import (
	"errors"
	"io"
	"testing"

	"github.com/gapseal/gapseal/verify"
)

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// Whatever form it is, a refused write is an error.
func TestARefusedWriteIsAnError(t *testing.T) {
	rep := sample(t, "app:v1")
	for name, write := range map[string]func(io.Writer, *verify.Report) error{
		"Text": Text, "JSON": JSON, "Cosign": Cosign, "HTML": HTML, "JUnit": JUnit, "CSV": CSV, "SHA256": SHA256, "SHA256Files": SHA256Files, "VSA": VSA,
	} {
		if err := write(broken{}, rep); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Encode(broken{}, make(chan int)); err == nil || errors.Is(err, errBroken) {
		t.Errorf("Encode of what cannot be encoded: %v", err)
	}
	if err := VSA(broken{}, &verify.Report{}); !errors.Is(err, errNoSubject) {
		t.Errorf("VSA of nothing: %v", err)
	}
}
