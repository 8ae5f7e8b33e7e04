package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/policy"
)

// The library's time grows with the square of the number of keys and of the
// depth. A record that comes with the media must not keep the station busy for an
// hour.
func TestFilesThatTakeTime(t *testing.T) {
	var keys strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, "%x: 1\n", i)
	}
	for name, c := range map[string]struct{ text, says string }{
		"keys":                {keys.String(), "the file is too long: want at most 30000 words and signs"},
		"lists in one line":   {strings.Repeat("- ", 200_000) + "a", "line 1, column 33: the file nests too deep"},
		"more in one line":    {strings.Repeat("- ", 500_000) + "a", "the file is too long"},
		"keys of keys":        {strings.Repeat("? ", 10_000) + "a", "the file nests too deep"},
		"lists in brackets":   {strings.Repeat("[", 10_000), "the file nests too deep"},
		"lists line by line":  {strings.Repeat("- a\n", 200_000), "the file is too long"},
		"many documents":      {strings.Repeat("---\n", 200_000), "the file is too long"},
		"more than the bytes": {strings.Repeat("#", policy.MaxFile+1), "want at most 1048576"},
	} {
		_, err := policy.ParseTransfer([]byte(c.text))
		if said := (*policy.Error)(nil); !errors.As(err, &said) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An ordinary file may have a list in a list.
func TestShortNestingIsRead(t *testing.T) {
	_, err := policy.ParseTransfer([]byte("schema: gapseal.transfer/v1\nhandOvers:\n" +
		strings.Repeat("  - from: a\n    to: b\n", 1000)))
	if err != nil {
		t.Error(err)
	}
}
