package receipt_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/receipt"
)

func match(t *testing.T, r *receipt.Receipt, raw []byte, pipe bool) error {
	t.Helper()
	open := func() (*bundle.Reader, error) {
		return bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	}
	if pipe {
		open = func() (*bundle.Reader, error) { return bundle.OpenStream(bytes.NewReader(raw), oci.DefaultLimits()) }
	}
	b, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return r.Match(t.Context(), b, nil)
}

func TestMatch(t *testing.T) {
	raw := station().SealedBundle(fixture.Bundle(t, "app:v1"))
	r := opened(t, made(t, reported(t, raw), ""))
	for _, pipe := range []bool{false, true} {
		if err := match(t, r, raw, pipe); err != nil {
			t.Error(err)
		}
	}
	layers, damaged := fixture.Offsets(raw), bytes.Clone(raw)
	damaged[layers[len(layers)-2]+512] ^= 1 // in the last layer
	covert := bytes.Clone(raw)
	covert[len(covert)-1] = 1
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"another":           {fixture.Bundle(t, "app:v2"), "of another bundle"},
		"without a seal":    {fixture.Bundle(t, "app:v1"), "of another bundle"},
		"sealed again":      {station().SealedBundle(raw), "of another bundle"},
		"damaged":           {damaged, "not whole: sha256:"},
		"covert":            {covert, "not whole: container.end"},
		"longer":            {append(bytes.Clone(raw), 0), "not whole: container.end"},
		"cut off":           {raw[:len(raw)-2000], "not whole: "},
		"nothing":           {nil, "of another bundle"},
		"not a bundle":      {[]byte("PK"), "of another bundle"},
		"not the inventory": {fixture.Pack(fixture.Files(raw)[:3]), "not whole: "},
	} {
		for _, pipe := range []bool{false, true} {
			var refused *receipt.RefusedError
			if err := match(t, r, test.raw, pipe); !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, pipe %t: %v", name, pipe, err)
			}
		}
	}
	b, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Match(ctx, b, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A receipt covers every byte of the bundle. A sample of them is enough here: the
// tests of package bundle change each byte.
func TestMatchSeesChanges(t *testing.T) {
	raw := fixture.Bundle(t, "app-v3:v1")
	r := opened(t, made(t, reported(t, raw), ""))
	for i := 0; i < len(raw); i += 7 {
		raw[i] ^= 0x20
		if match(t, r, raw, false) == nil {
			t.Errorf("byte %d may differ", i)
		}
		raw[i] ^= 0x20
	}
}

// A report may give the identity of a bundle with another size. Then the receipt
// is not about this bundle either.
func TestMatchComparesTheSize(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	doc := reported(t, raw)
	changed := bytes.Replace(doc, []byte(`"size": `), []byte(`"size": 1`), 1)
	var refused *receipt.RefusedError
	err := match(t, opened(t, made(t, changed, "")), raw, false)
	if !errors.As(err, &refused) || refused.Reason != "the bundle has another size" {
		t.Errorf("another size: %v", err)
	}
}
